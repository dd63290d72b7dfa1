{{/* The Broker and the Triggers of k8s/, as they stand there: {broker, triggers}. As JSON. */}}
{{- define "tradewind.wiring" -}}
{{- $brokers := list -}}{{- $triggers := list -}}
{{- range $path, $content := .Files.Glob "eventing/**.yaml" -}}
{{- range $document := regexSplit "(?m)^---\\s*$" (toString $content) -1 -}}
{{- $object := fromYaml $document -}}
{{- with $object.Error }}{{ fail (printf "%s is no YAML: %s" $path .) }}{{ end -}}
{{- if eq $object.kind "Broker" }}{{ $brokers = append $brokers $object -}}
{{- else if eq $object.kind "Trigger" }}{{ $triggers = append $triggers $object -}}
{{- else if $object }}{{ fail (printf "%s has a %s: only a Broker and Triggers are wiring." $path (toString $object.kind)) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if or (ne (len $brokers) 1) (not $triggers) -}}
{{- fail "The chart carries no wiring: eventing/ has to have one Broker and Triggers. It is a link to k8s/ of the repository, which some drop on the way, as Flux does from a GitRepository: use the packaged chart." -}}
{{- end -}}
{{- toJson (dict "broker" (first $brokers) "triggers" $triggers) -}}
{{- end -}}

{{/*
The Triggers of the services that run. The wiring calls Services, Triggers and the Broker by their plain names; here
each begins with the release's prefix. As JSON.
*/}}
{{- define "tradewind.triggers" -}}
{{- $services := fromJson (include "tradewind.services" .) -}}
{{- $triggers := list -}}
{{- range $trigger := (fromJson (include "tradewind.wiring" .)).triggers -}}
{{- $service := $trigger.spec.subscriber.ref.name -}}
{{- if not (hasKey $.Values.services $service) -}}
{{- fail (printf "Trigger %s delivers to %s, and services.%s is missing: add a block with this name, which may be empty." $trigger.metadata.name $service $service) -}}
{{- end -}}
{{- if hasKey $services $service }}{{ $triggers = append $triggers $trigger }}{{ end -}}
{{- end -}}
{{- toJson (dict "items" $triggers) -}}
{{- end -}}

{{/* Names of the services that Triggers deliver to. As JSON. */}}
{{- define "tradewind.receivers" -}}
{{- $receivers := list -}}
{{- range (include "tradewind.triggers" . | fromJson).items }}{{ $receivers = append $receivers .spec.subscriber.ref.name }}{{ end -}}
{{- toJson ($receivers | uniq) -}}
{{- end -}}

{{/* Audience of the tokens for a service: (list $ "payment"). */}}
{{- define "tradewind.audience" -}}
urn:tradewind:{{ (first .).Release.Namespace }}:{{ include "tradewind.name" . }}
{{- end -}}

{{/*
The subject of a Trigger's own identity: (list $ "payment-order-placed"). Knative cuts a long name at 31 characters and
appends a hash that a template cannot compute, so `*` stands for it.
*/}}
{{- define "tradewind.subject" -}}
{{- $name := include "tradewind.name" . -}}
{{- $suffix := "-oidc-eventing.knative.dev-trigger" -}}
{{- if gt (len (printf "%s%s" $name $suffix)) 63 }}{{ $suffix = "*" }}{{ $name = trunc 31 $name }}{{ end -}}
system:serviceaccount:{{ (first .).Release.Namespace }}:{{ $name }}{{ $suffix }}
{{- end -}}

{{/*
Who may deliver to a service: its Triggers, and the ledger where there is one, to itself as well; to the ledger every
Trigger. (list $ "payment").
*/}}
{{- define "tradewind.subjects" -}}
{{- $ := first . -}}{{- $service := last . -}}
{{- $subjects := list -}}
{{- range (fromJson (include "tradewind.triggers" $)).items -}}
{{- if has $service (list "ledger" .spec.subscriber.ref.name) -}}
{{- $subjects = append $subjects (include "tradewind.subject" (list $ .metadata.name)) -}}
{{- end -}}
{{- end -}}
{{- if hasKey (fromJson (include "tradewind.services" $)) "ledger" -}}
{{- $ledger := include "tradewind.name" (list $ "ledger") -}}
{{- $subjects = append $subjects (printf "system:serviceaccount:%s:%s" $.Release.Namespace $ledger) -}}
{{- end -}}
{{- $subjects | uniq | sortAlpha | join "," -}}
{{- end -}}

{{/* What the Broker's spec.config refers to; nothing leaves it to Knative's defaults for its class. As YAML. */}}
{{- define "tradewind.brokerConfig" -}}
{{- $kafka := dict "apiVersion" "v1" "kind" "ConfigMap" "name" "kafka-broker-config" "namespace" "knative-eventing" -}}
{{- with .Values.broker.config | default (ternary $kafka dict (eq .Values.broker.class "Kafka")) }}
{{- toYaml (mustMerge (deepCopy .) (dict "namespace" $.Release.Namespace)) }}
{{- end -}}
{{- end -}}
