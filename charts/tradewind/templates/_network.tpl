{{/*
Who opens the connection that a service's events come by, and where the Broker takes events: (list $ name). What values
name is taken as it is. As JSON, {from, to}.
*/}}
{{- define "tradewind.dataPlane" -}}
{{- $ := first . -}}
{{- $policy := $.Values.networkPolicy -}}
{{- $plane := include "tradewind.dataPlaneOf" . | fromYaml -}}
{{- toJson (dict "from" ($policy.eventsFrom | default $plane.from) "to" ($policy.brokerTo | default $plane.to)) -}}
{{- end -}}

{{/* The same by the class, from the labels of its releases. As YAML. */}}
{{- define "tradewind.dataPlaneOf" -}}
{{- $ := first . -}}{{- $name := last . -}}
{{- $knative := `namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: knative-eventing } }` -}}
{{- if eq $.Values.broker.class "Kafka" -}}
from:
  - {{ $knative }}
    podSelector: { matchLabels: { app: kafka-broker-dispatcher } }
to:
  - {{ $knative }}
    podSelector: { matchLabels: { app: kafka-broker-receiver } }
{{- else if eq $.Values.broker.class "RabbitMQBroker" -}}
{{- /* Its ingress and dispatchers run beside the Broker. */ -}}
{{- $broker := include "tradewind.broker" $ | quote -}}
from:
  - podSelector:
      matchLabels: { eventing.knative.dev/broker: {{ $broker }} }
      matchExpressions:
        - { key: eventing.knative.dev/brokerRole, operator: In, values: [dispatcher, dispatcher-dlq] }
to:
  - podSelector: { matchLabels: { eventing.knative.dev/broker: {{ $broker }}, eventing.knative.dev/brokerRole: ingress } }
{{- else -}}
from:
  - {{ $knative }}
    {{- /* Without OIDC a dead letter is brought by the dispatcher of the channel, and that may be of any kind. */}}
    {{- if ne $name "ledger" }}
    podSelector: { matchLabels: { eventing.knative.dev/brokerRole: filter } }
    {{- end }}
to:
  - {{ $knative }}
    podSelector: { matchLabels: { eventing.knative.dev/brokerRole: ingress } }
{{- end -}}
{{- end -}}

{{/* OpenShift's DNS listens at 5353 behind the port of its Service, and it is the Pod's port that counts there. */}}
{{- define "tradewind.dnsEgress" -}}
- ports: [{ port: 53, protocol: UDP }, { port: 53, protocol: TCP }, { port: 5353, protocol: UDP }, { port: 5353, protocol: TCP }]
{{- end -}}

{{/* The API server has no labels to be named by, and after the Service its own port counts: kubeadm’s 6443, minikube’s 8443, MicroK8s’ 16443. */}}
{{- define "tradewind.apiServerEgress" -}}
- ports: [{ port: 443 }, { port: 6443 }, { port: 8443 }, { port: 16443 }]
  {{- with .Values.networkPolicy.apiServerTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* To the collector of traces, where a service has one: (list $ service). */}}
{{- define "tradewind.otlpEgress" -}}
{{- $ := first . -}}{{- $service := last . -}}
{{- $policy := $.Values.networkPolicy -}}
{{- $own := "OTEL_EXPORTER_OTLP_ENDPOINT" -}}
{{- with ternary (get $service.settings $own) $.Values.tracing.endpoint (hasKey $service.settings $own) -}}
{{- $url := urlParse . -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) -}}
- ports: [{ port: {{ $policy.otlpPort | default $port | int }} }]
  {{- with $policy.otlpTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}
