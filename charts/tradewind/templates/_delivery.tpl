{{/* Where dead letters go: the ledger of the wiring, with the release's prefix, or what values say. As JSON. */}}
{{- define "tradewind.deadLetterSink" -}}
{{- $sink := .Values.broker.deadLetterSink -}}
{{- if and .Values.broker.create (not $sink) -}}
{{- $sink = (fromJson (include "tradewind.wiring" .)).broker.spec.delivery.deadLetterSink -}}
{{- $ledger := $sink.ref.name -}}
{{- $_ := set $sink.ref "name" (include "tradewind.name" (list . $ledger)) -}}
{{- if eq .Values.security.eventing "oidc" }}{{ $_ := set $sink "audience" (include "tradewind.audience" (list . $ledger)) }}{{ end -}}
{{- end -}}
{{- toJson $sink -}}
{{- end -}}

{{/* A block of delivery, as a whole with its dead letter sink: (list $ delivery). As YAML. */}}
{{- define "tradewind.delivery" -}}
{{- $delivery := deepCopy (last .) -}}
{{- with include "tradewind.deadLetterSink" (first .) | fromJson }}{{ $_ := set $delivery "deadLetterSink" . }}{{ end -}}
{{- toYaml $delivery -}}
{{- end -}}

{{/* Of a duration as Knative writes it, `PT1M0.5S`, the seconds. */}}
{{- define "tradewind.seconds" -}}
{{- $seconds := 0.0 -}}
{{- range $unit, $length := dict "H" 3600 "M" 60 "S" 1 -}}
{{- with regexFind (printf "[0-9.]+%s" $unit) (toString $) }}{{ $seconds = addf $seconds (mulf (trimSuffix $unit . | float64) $length) }}{{ end -}}
{{- end -}}
{{- $seconds -}}
{{- end -}}

{{/* Seconds that a delivery to a service may take, of the Broker's block or its own: (list $ service). */}}
{{- define "tradewind.timeout" -}}
{{- $broker := (first .).Values.broker.delivery | default (fromJson (include "tradewind.wiring" (first .))).broker.spec.delivery -}}
{{- include "tradewind.seconds" ((last .).delivery.timeout | default $broker.timeout) -}}
{{- end -}}

{{/* Longest time, in seconds, of a post to a Broker that keeps it open until its subscriber and the dead letter sink have both failed. */}}
{{- define "tradewind.budgetOf" -}}
{{- $retry := int .retry -}}
{{- $delay := include "tradewind.seconds" .backoffDelay | float64 -}}
{{- $waits := 0.0 -}}
{{- range $attempt := untilStep 1 (int (add $retry 1)) 1 -}}
{{- $factor := $attempt -}}
{{- if eq $.backoffPolicy "exponential" }}{{ $factor = 1 }}{{ range untilStep 1 $attempt 1 }}{{ $factor = mul $factor 2 }}{{ end }}{{ end -}}
{{- $waits = addf $waits (mulf $delay $factor) -}}
{{- end -}}
{{- mulf 2 (addf $waits (mulf (add $retry 1) (include "tradewind.seconds" .timeout | float64))) -}}
{{- end -}}

{{/* RELAY_TIMEOUT where the deliveries that values ask for may last longer than what the services expect, else empty. */}}
{{- define "tradewind.relayTimeout" -}}
{{- if eq .Values.broker.class "MTChannelBasedBroker" -}}
{{- $longest := 0.0 -}}
{{- $deliveries := list .Values.broker.delivery -}}
{{- range fromJson (include "tradewind.services" .) }}{{ $deliveries = append $deliveries .delivery }}{{ end -}}
{{- range $deliveries }}{{ if . }}{{ $longest = maxf $longest (include "tradewind.budgetOf" .) }}{{ end }}{{ end -}}
{{- $timeout := mulf $longest 1.25 | ceil | int -}}
{{- if gt $timeout 120 }}{{ printf "%ds" $timeout }}{{ end -}}
{{- end -}}
{{- end -}}
