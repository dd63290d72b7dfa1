{{/* Says what the cluster lacks, with the command that installs it. Silent without a cluster, as in `helm template`. */}}
{{- define "tradewind.requireApis" -}}
{{- $eventing := "https://github.com/knative/eventing/releases/download/knative-v1.22.2" -}}
{{- $knative := printf "kubectl apply -f %s/eventing-crds.yaml -f %s/eventing-core.yaml -f %s/in-memory-channel.yaml -f %s/mt-channel-broker.yaml" $eventing $eventing $eventing $eventing -}}
{{- $kafka := "https://github.com/knative-extensions/eventing-kafka-broker/releases/download/knative-v1.22.0" -}}
{{- $gateway := "kubectl apply -f https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.4.0/standard-install.yaml" -}}
{{- $prometheus := "helm install monitoring oci://ghcr.io/prometheus-community/charts/kube-prometheus-stack --namespace monitoring --create-namespace" -}}
{{- $keda := "helm install keda keda --repo https://kedacore.github.io/charts --namespace keda --create-namespace" -}}
{{- $needed := list -}}
{{- range list "eventing.knative.dev/v1/Broker" "eventing.knative.dev/v1/Trigger" "sources.knative.dev/v1/SinkBinding" -}}
{{- $needed = append $needed (list "Knative Eventing" . $knative) -}}
{{- end -}}
{{- if .Values.eventTypes }}{{ $needed = append $needed (list "Knative Eventing 1.22" "eventing.knative.dev/v1beta3/EventType" $knative) }}{{ end -}}
{{- if eq .Values.security.eventing "oidc" }}{{ $needed = append $needed (list "Knative Eventing 1.22" "eventing.knative.dev/v1alpha1/EventPolicy" $knative) }}{{ end -}}
{{- if .Values.httpRoute.enabled }}{{ $needed = append $needed (list "The Gateway API" "gateway.networking.k8s.io/v1/HTTPRoute" $gateway) }}{{ end -}}
{{- if .Values.monitoring.serviceMonitor.enabled }}{{ $needed = append $needed (list "The Prometheus operator" "monitoring.coreos.com/v1/ServiceMonitor" $prometheus) }}{{ end -}}
{{- if .Values.monitoring.rules.enabled }}{{ $needed = append $needed (list "The Prometheus operator" "monitoring.coreos.com/v1/PrometheusRule" $prometheus) }}{{ end -}}
{{- range fromJson (include "tradewind.services" .) -}}
{{- if eq .autoscaling.kind "keda" }}{{ $needed = append $needed (list "KEDA" "keda.sh/v1alpha1/ScaledObject" $keda) }}{{ end -}}
{{- end -}}
{{- if .Capabilities.APIVersions.Has "apiregistration.k8s.io/v1/APIService" -}}
{{- range $needed -}}
{{- if not ($.Capabilities.APIVersions.Has (index . 1)) -}}
{{- fail (printf "%s is missing: the cluster has no %s. Install it: %s" (index . 0) (index . 1) (index . 2)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Refuses values that contradict each other. */}}
{{- define "tradewind.requireValues" -}}
{{- $values := .Values -}}
{{- $sqlite := eq $values.storage.kind "sqlite" -}}
{{- $services := fromJson (include "tradewind.services" .) -}}
{{- $prefix := include "tradewind.prefix" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $prefix) -}}
{{- fail (printf "the release's name makes Services called %s-…, and these take lower case letters, digits and hyphens only, with a letter first: set fullnameOverride." $prefix) -}}
{{- end -}}
{{- if and (not $sqlite) (not $values.storage.postgres.existingSecret) -}}
{{- fail "storage.kind postgres needs storage.postgres.existingSecret: a Secret with one connection string per service, below the service's name." -}}
{{- end -}}
{{- if and $sqlite $values.storage.postgres.existingSecret -}}
{{- fail "storage.postgres.existingSecret is set and storage.kind is sqlite: set storage.kind to postgres, or orders and payments would go into files, from where nothing carries them over." -}}
{{- end -}}
{{- if not (or $values.secrets.create $values.secrets.existingSecret) -}}
{{- fail (printf "secrets.create is false, so secrets.existingSecret is needed. Make it: kubectl create secret generic %s --namespace %s --from-literal=staff-token=$(openssl rand -hex 24) --from-literal=session-secret=$(openssl rand -hex 32)" (include "tradewind.name" (list . "secrets")) .Release.Namespace) -}}
{{- end -}}
{{- if and (not $values.broker.create) (not $values.broker.name) -}}
{{- fail "broker.create is false, so broker.name is needed: the name of the Broker to use." -}}
{{- end -}}
{{- if and (eq $values.broker.class "RabbitMQBroker") $values.broker.create (not $values.broker.config) -}}
{{- fail "broker.class RabbitMQBroker needs broker.config: a RabbitmqBrokerConfig, {apiVersion: eventing.knative.dev/v1alpha1, kind: RabbitmqBrokerConfig, name: …, namespace: …}." -}}
{{- end -}}
{{- if and (eq $values.security.eventing "oidc") (eq $values.broker.class "RabbitMQBroker") -}}
{{- fail "security.eventing oidc does not go with broker.class RabbitMQBroker, which knows neither tokens nor EventPolicies." -}}
{{- end -}}
{{- if and $values.broker.create (not $services.ledger) (not $values.broker.deadLetterSink) -}}
{{- fail "services.ledger is off, so broker.deadLetterSink is needed: without a dead letter sink the Broker is never ready." -}}
{{- end -}}
{{- if and $values.monitoring.serviceMonitor.enabled $values.networkPolicy.enabled (not $values.networkPolicy.metricsFrom) -}}
{{- fail "monitoring.serviceMonitor.enabled needs networkPolicy.metricsFrom: who reads metrics, for example [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]." -}}
{{- end -}}
{{- if $values.ingress.enabled }}{{ include "tradewind.requireWeb" (list . "ingress" "hosts") }}{{ end -}}
{{- if $values.httpRoute.enabled }}{{ include "tradewind.requireWeb" (list . "httpRoute" "parentRefs") }}{{ end -}}
{{- include "tradewind.requireSettings" . -}}
{{- range $name, $service := $services -}}
{{- include "tradewind.requireService" (list $ $name $service) -}}
{{- end -}}
{{- end -}}

{{- define "tradewind.requireWeb" -}}
{{- $values := (first .).Values -}}{{- $kind := index . 1 -}}{{- $key := index . 2 -}}
{{- if not (index $values $kind $key) -}}
{{- fail (printf "%s.enabled needs %s.%s." $kind $kind $key) -}}
{{- end -}}
{{- if and $values.networkPolicy.enabled (not $values.networkPolicy.webFrom) -}}
{{- fail (printf "%s.enabled needs networkPolicy.webFrom: who may reach the storefront, for example [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress-nginx}}}]." $kind) -}}
{{- end -}}
{{- range $values.web.paths -}}
{{- if or (and (eq .type "Prefix") (eq .path "/")) (regexMatch "^/(events|metrics|dead-letters)(/|$)" .path) -}}
{{- fail (printf "web.paths has %s (%s), which opens /events or /metrics to the world." .path .type) -}}
{{- end -}}
{{- end -}}
{{- end -}}
