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

{{/* What picks the Pods of a part: (list $ "payment"). */}}
{{- define "tradewind.selector" -}}
app.kubernetes.io/name: {{ (first .).Chart.Name }}
app.kubernetes.io/instance: {{ (first .).Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end -}}

{{/* The labels of a part: (list $ "payment"). */}}
{{- define "tradewind.labels" -}}
{{- $ := first . -}}
{{ include "tradewind.selector" . }}
app.kubernetes.io/part-of: tradewind
app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $.Chart.Name $.Chart.Version | replace "+" "_" | trunc 63 }}
{{- end -}}

{{/* The metadata of a part's object, but for annotations: (list $ "payment"). */}}
{{- define "tradewind.metadata" -}}
name: {{ include "tradewind.name" . }}
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
