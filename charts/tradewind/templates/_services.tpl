{{/* The services that run, by name, each with the defaults that it does not override. As JSON. */}}
{{- define "tradewind.services" -}}
{{- $all := dict -}}
{{- range $name, $own := .Values.services -}}
{{- $service := mustMergeOverwrite (deepCopy $.Values.defaults) (deepCopy ($own | default dict)) -}}
{{- if $service.enabled }}{{ $_ := set $all $name $service }}{{ end -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{/* Whether there may be more than one Pod of a service: "true" or "". */}}
{{- define "tradewind.many" -}}
{{- if or (gt (int .replicas) 1) (ne .autoscaling.kind "none") }}true{{ end -}}
{{- end -}}

{{/* Seconds that a service goes on serving when it ends: (list $ service). */}}
{{- define "tradewind.delay" -}}
{{- $delay := (last .).shutdown.delay -}}
{{- if eq (toString $delay) "" }}{{ $delay = ternary 0 5 (eq (first .).Values.storage.kind "sqlite") }}{{ end -}}
{{- int $delay -}}
{{- end -}}

{{/* The bounds of a service's disruption budget that are set. As JSON. */}}
{{- define "tradewind.budget" -}}
{{- $budget := dict -}}
{{- range $bound, $count := .podDisruptionBudget }}{{ if not (kindIs "invalid" $count) }}{{ $_ := set $budget $bound $count }}{{ end }}{{ end -}}
{{- toJson $budget -}}
{{- end -}}

{{/* A setting as text: YAML reads numbers as floats, and 1000000 would come out as 1e+06. */}}
{{- define "tradewind.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ . | int64 }}{{ else }}{{ . | toString }}{{ end -}}
{{- end -}}

{{/* What the ConfigMap of a service holds: (list $ name service). As YAML. */}}
{{- define "tradewind.settings" -}}
{{- $ := index . 0 -}}{{- $name := index . 1 -}}{{- $service := index . 2 -}}
{{- $settings := dict "PORT" "8080" "EVENTS_PORT" "8081" "DATA_DIR" "/data" -}}
{{- $_ := set $settings "SHUTDOWN_DELAY" (printf "%ss" (include "tradewind.delay" (list $ $service))) -}}
{{- $_ := set $settings "SHUTDOWN_GRACE" (printf "%ds" (int $service.shutdown.grace)) -}}
{{- if eq $.Values.storage.kind "sqlite" -}}
{{- /* The Pod before may be deleted and at its end while its successor starts on the same volume. */ -}}
{{- $end := add (include "tradewind.delay" (list $ $service)) $service.shutdown.grace 10 -}}
{{- $startup := $service.probes.startup -}}
{{- /* Longer than the probe lets it start, nobody would be there any more. */ -}}
{{- $most := sub (mul (int (get $startup "periodSeconds" | default 10)) (int (get $startup "failureThreshold" | default 3))) 5 -}}
{{- $_ := set $settings "DATA_LOCK_TIMEOUT" (printf "%ds" (max 2 (min $end $most))) -}}
{{- end -}}
{{- with include "tradewind.poisonStatus" $ }}{{ $_ := set $settings "POISON_STATUS" . }}{{ end -}}
{{- if eq $.Values.security.eventing "oidc" -}}
{{- $_ := set $settings "OIDC_ISSUER" $.Values.security.issuer -}}
{{- $_ := set $settings "OIDC_DISCOVERY_URL" "https://kubernetes.default.svc" -}}
{{- $_ := set $settings "OIDC_AUDIENCE" (include "tradewind.audience" (list $ $name)) -}}
{{- $_ := set $settings "OIDC_SUBJECTS" (include "tradewind.subjects" (list $ $name)) -}}
{{- $_ := set $settings "OIDC_CA_FILE" "/var/run/tradewind/ca.crt" -}}
{{- $_ := set $settings "OIDC_TOKEN_FILE" "/var/run/tradewind/token" -}}
{{- end -}}
{{- with $.Values.tracing.endpoint }}{{ $settings = merge $settings (include "tradewind.tracing" $ | fromYaml) }}{{ end -}}
{{- if eq $name "ledger" }}{{ $settings = merge $settings (include "tradewind.ledgerSettings" $ | fromYaml) }}{{ end -}}
{{- with include "tradewind.relayTimeout" $ }}{{ $_ := set $settings "RELAY_TIMEOUT" . }}{{ end -}}
{{- range $key, $value := $service.settings }}{{ if not (kindIs "invalid" $value) }}{{ $_ := set $settings $key (include "tradewind.text" $value) }}{{ end }}{{ end -}}
{{- toYaml $settings -}}
{{- end -}}

{{/*
Where the ledger delivers: whoever can post a dead letter names its subscriber, so only Services of this namespace; and
what people call a service is here the Service with the release's name before it.
*/}}
{{- define "tradewind.ledgerSettings" -}}
{{- $domain := printf "%s.svc" .Release.Namespace -}}
{{- $subscribers := list -}}
{{- range $name, $_ := fromJson (include "tradewind.services" .) -}}
{{- $subscribers = append $subscribers (printf "%s=http://%s.%s.%s" $name (include "tradewind.name" (list $ $name)) $domain $.Values.clusterDomain) -}}
{{- end -}}
{{- if eq .Values.security.eventing "oidc" }}
SUBSCRIBER_TOKEN_DIR: /var/run/tradewind/subscribers
{{- end }}
REDRIVE_HOSTS: "*.{{ $domain }}.{{ .Values.clusterDomain }},*.{{ $domain }}"
SUBSCRIBERS: {{ join "," $subscribers }}
{{- end -}}

{{/* The settings of traces, by OpenTelemetry's names. Attributes are written in percent, a share never as 1e-05. */}}
{{- define "tradewind.tracing" -}}
{{- $tracing := .Values.tracing -}}
{{- $all := dict "service.namespace" (include "tradewind.prefix" .) "service.version" .Chart.AppVersion "k8s.namespace.name" .Release.Namespace -}}
{{- $pairs := list -}}
{{- range $name, $value := $tracing.resourceAttributes }}{{ $_ := set $all $name $value }}{{ end -}}
{{- range $name, $value := $all -}}
{{- $text := include "tradewind.text" $value -}}
{{- if ne $text "" -}}
{{- $pairs = append $pairs (printf "%s=%s" (urlquery $name) (urlquery $text) | replace "+" "%20") -}}
{{- end -}}
{{- end -}}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ $tracing.endpoint | quote }}
OTEL_TRACES_SAMPLER: {{ $tracing.sampler | quote }}
OTEL_TRACES_SAMPLER_ARG: {{ regexReplaceAll "\\.?0+$" (printf "%.9f" (float64 $tracing.ratio)) "" | quote }}
OTEL_RESOURCE_ATTRIBUTES: {{ join "," $pairs | quote }}
{{- end -}}

{{- define "tradewind.poisonStatus" -}}
{{- $status := toString .Values.broker.poisonStatus -}}
{{- if eq $status "" }}{{ $status = ternary "500" "" (eq .Values.broker.class "RabbitMQBroker") }}{{ end -}}
{{- $status -}}
{{- end -}}

{{/* Settings that come as files: variable → {name, key}. (list $ name service). As JSON. */}}
{{- define "tradewind.secretFiles" -}}
{{- $ := index . 0 -}}{{- $name := index . 1 -}}
{{- $files := deepCopy (index . 2).secretFiles -}}
{{- if and (eq $.Values.storage.kind "postgres") (not $files.DATABASE_URL) -}}
{{- $_ := set $files "DATABASE_URL" (dict "name" $.Values.storage.postgres.existingSecret "key" $name) -}}
{{- end -}}
{{- $headers := $.Values.tracing.headers -}}
{{- if and $.Values.tracing.endpoint $headers.existingSecret (not $files.OTEL_EXPORTER_OTLP_HEADERS) -}}
{{- $_ := set $files "OTEL_EXPORTER_OTLP_HEADERS" (dict "name" $headers.existingSecret "key" $headers.key) -}}
{{- end -}}
{{- range $variable, $from := $files }}{{ if not $from }}{{ $_ := unset $files $variable }}{{ end }}{{ end -}}
{{- range $files }}{{ $_ := set . "name" (.name | default (include "tradewind.secret" $)) }}{{ end -}}
{{- toJson $files -}}
{{- end -}}
