{{/* A name of 63 characters at most; a longer one ends in its hash, so that no two are the same. */}}
{{- define "tradewind.short" -}}
{{- if gt (len .) 63 -}}
{{- printf "%s-%s" (. | trunc 54 | trimSuffix "-") (sha256sum . | trunc 8) -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{/* What every name begins with. */}}
{{- define "tradewind.prefix" -}}
{{- $name := .Release.Name -}}
{{- with .Values.nameOverride }}{{ $name = printf "%s-%s" $name . }}{{ end -}}
{{- with .Values.fullnameOverride }}{{ $name = . }}{{ end -}}
{{- include "tradewind.short" $name -}}
{{- end -}}

{{/* The name of a part: (list $ "payment"). */}}
{{- define "tradewind.name" -}}
{{- include "tradewind.short" (printf "%s-%s" (include "tradewind.prefix" (first .)) (last .)) -}}
{{- end -}}

{{- define "tradewind.broker" -}}
{{- .Values.broker.name | default (include "tradewind.prefix" .) -}}
{{- end -}}

{{/* What picks the Pods of a part: (list $ "payment"). Immutable in a Deployment. */}}
{{- define "tradewind.selector" -}}
app.kubernetes.io/name: {{ (first .).Chart.Name | quote }}
app.kubernetes.io/instance: {{ (first .).Release.Name | quote }}
app.kubernetes.io/component: {{ last . | quote }}
{{- end -}}

{{/* The labels of a part: (list $ "payment"), and further ones: (list $ "payment" labels). Selectors and Helm keep theirs. */}}
{{- define "tradewind.labels" -}}
{{- $ := first . -}}{{- $own := dict -}}
{{- if gt (len .) 2 }}{{ $own = deepCopy (index . 2) }}{{ end -}}
{{- $fixed := include "tradewind.selector" (list $ (index . 1)) | fromYaml -}}
{{- $_ := set $fixed "app.kubernetes.io/managed-by" $.Release.Service -}}
{{- $_ := set $fixed "helm.sh/chart" (printf "%s-%s" $.Chart.Name $.Chart.Version | replace "+" "_" | trunc 63) -}}
{{- $more := dict "app.kubernetes.io/part-of" "tradewind" "app.kubernetes.io/version" $.Chart.AppVersion -}}
{{- toYaml (mustMerge $fixed $own (deepCopy $.Values.commonLabels) $more) -}}
{{- end -}}

{{/* The labels of a part's Pods: (list $ "payment" labels). What changes with the chart is not among them: it would restart them. */}}
{{- define "tradewind.podLabels" -}}
{{- $ := first . -}}
{{- $fixed := include "tradewind.selector" (list $ (index . 1)) | fromYaml -}}
{{- toYaml (mustMerge $fixed (deepCopy (last . | default dict)) (deepCopy $.Values.commonLabels)) -}}
{{- end -}}

{{/* The metadata of a part's object, but for annotations: (list $ "payment"), or with further labels (list $ "payment" labels). */}}
{{- define "tradewind.metadata" -}}
name: {{ include "tradewind.name" (list (first .) (index . 1)) }}
namespace: {{ (first .).Release.Namespace }}
labels:
  {{- include "tradewind.labels" . | nindent 2 }}
{{- end -}}

{{- define "tradewind.image" -}}
{{- $image := .Values.image -}}
{{- $registry := .Values.global.imageRegistry | default $image.registry -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end -}}

{{/* The Secret with the staff token and the session key. */}}
{{- define "tradewind.secret" -}}
{{- .Values.secrets.existingSecret | default (include "tradewind.name" (list . "secrets")) -}}
{{- end -}}
