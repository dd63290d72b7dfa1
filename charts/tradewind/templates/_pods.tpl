{{/* The restricted security context of every Pod; 65532 is the image's user. */}}
{{- define "tradewind.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{/* That of every container of ours, with what a user laid over it: `securityContext` of a block. */}}
{{- define "tradewind.containerSecurity" -}}
{{- $restricted := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")) -}}
{{- toYaml (mustMergeOverwrite $restricted (deepCopy (.securityContext | default dict))) -}}
{{- end -}}

{{/* What is the same in the Pods of services, of Jobs and of tests: (list $ block). */}}
{{- define "tradewind.podSpec" -}}
{{- $ := first . -}}{{- $pod := last . -}}
# A Service "shop" would else put SHOP_PORT=tcp://… into every environment.
enableServiceLinks: false
securityContext:
  {{- toYaml (mustMergeOverwrite (include "tradewind.podSecurity" $ | fromYaml) (deepCopy ($pod.podSecurityContext | default dict))) | nindent 2 }}
{{- with concat $.Values.global.imagePullSecrets $.Values.imagePullSecrets | uniq }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $pod.runtimeClassName }}
runtimeClassName: {{ . | quote }}
{{- end }}
{{- with $pod.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.podSpec }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* How the replicas of a service spread; a constraint that names no Pods means those of the service: (list $ name service). As JSON. */}}
{{- define "tradewind.spread" -}}
{{- $service := index . 2 -}}
{{- $nodes := list (dict "maxSkew" 1 "topologyKey" "kubernetes.io/hostname" "whenUnsatisfiable" "ScheduleAnyway") -}}
{{- $selector := include "tradewind.selector" (list (index . 0) (index . 1)) | fromYaml -}}
{{- $own := dict "labelSelector" (dict "matchLabels" $selector) "matchLabelKeys" (list "pod-template-hash") -}}
{{- $spread := list -}}
{{- range $service.topologySpreadConstraints | default (ternary $nodes list (eq (include "tradewind.many" $service) "true")) -}}
{{- $spread = append $spread (ternary . (mustMerge (deepCopy .) $own) (hasKey . "labelSelector")) -}}
{{- end -}}
{{- toJson $spread -}}
{{- end -}}

{{/* The Pods of Jobs and tests: what `defaults` says of Pods, and `jobs` over it. As JSON. */}}
{{- define "tradewind.jobs" -}}
{{- $keys := list "podLabels" "podAnnotations" "podSpec" "podSecurityContext" "securityContext" "resources" "priorityClassName" "runtimeClassName" "nodeSelector" "tolerations" "affinity" -}}
{{- $defaults := dict -}}
{{- range $keys }}{{ if hasKey $.Values.defaults . }}{{ $_ := set $defaults . (get $.Values.defaults .) }}{{ end }}{{ end -}}
{{- toJson (mustMergeOverwrite (deepCopy $defaults) (deepCopy .Values.jobs)) -}}
{{- end -}}

{{/* Labels and annotations of the Pod of a Job: (list $ "secrets"). */}}
{{- define "tradewind.jobMetadata" -}}
{{- $jobs := include "tradewind.jobs" (first .) | fromJson -}}
labels:
  {{- include "tradewind.podLabels" (list (first .) (last .) $jobs.podLabels) | nindent 2 }}
{{- with $jobs.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The container of a Job or test, but for its environment: (list $ name program arguments…). */}}
{{- define "tradewind.jobContainer" -}}
{{- $ := first . -}}
{{- $jobs := include "tradewind.jobs" $ | fromJson -}}
name: {{ index . 1 }}
image: {{ include "tradewind.image" $ | quote }}
imagePullPolicy: {{ $.Values.image.pullPolicy }}
command: {{ toJson (concat (list "node" "--disable-warning=ExperimentalWarning") (slice . 2)) }}
securityContext:
  {{- include "tradewind.containerSecurity" $jobs | nindent 2 }}
resources:
  {{- toYaml $jobs.resources | nindent 2 }}
{{- end -}}

{{/* Annotations of what is there for a Job before an install or upgrade, and gone after it. */}}
{{- define "tradewind.beforeHook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
