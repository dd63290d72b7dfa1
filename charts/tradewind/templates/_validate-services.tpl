{{/* Refuses what does not go together in a service: (list $ name service). */}}
{{- define "tradewind.requireService" -}}
{{- include "tradewind.requireScaling" . -}}
{{- include "tradewind.requireDelivery" . -}}
{{- include "tradewind.requireVariables" . -}}
{{- include "tradewind.requireReferences" . -}}
{{- include "tradewind.requireGateway" . -}}
{{- $name := index . 1 -}}
{{- include "tradewind.requireOnce" (list $name (last .)) -}}
{{- end -}}

{{/* Lists with a key, where the API server takes nothing twice, and Helm says nothing before: (list name service). */}}
{{- define "tradewind.requireOnce" -}}
{{- $name := first . -}}{{- $service := last . -}}
{{- range $volume := concat (list "data" "tmp" "secrets" "identity") (include "tradewind.names" $service.extraVolumes | fromJsonArray) | include "tradewind.twice" | fromJsonArray -}}
{{- fail (printf "services.%s.extraVolumes: there is a volume %s already, choose another name." $name $volume) -}}
{{- end -}}
{{- $paths := list "/data" "/tmp" "/etc/tradewind" "/var/run/tradewind" -}}
{{- range $service.extraVolumeMounts }}{{ $paths = append $paths .mountPath }}{{ end -}}
{{- range $path := include "tradewind.twice" $paths | fromJsonArray -}}
{{- fail (printf "services.%s.extraVolumeMounts: something is mounted at %s already, choose another path." $name $path) -}}
{{- end -}}
{{- range $container := concat (list $name) (include "tradewind.names" $service.initContainers | fromJsonArray) (include "tradewind.names" $service.sidecars | fromJsonArray) | include "tradewind.twice" | fromJsonArray -}}
{{- fail (printf "services.%s: there is a container %s already, choose another name for the one of initContainers or sidecars." $name $container) -}}
{{- end -}}
{{- $spread := list -}}
{{- range $service.topologySpreadConstraints }}{{ $spread = append $spread (printf "%s, %s" .topologyKey .whenUnsatisfiable) }}{{ end -}}
{{- range $pair := include "tradewind.twice" $spread | fromJsonArray -}}
{{- fail (printf "services.%s.topologySpreadConstraints has two of %s: one per topologyKey and whenUnsatisfiable." $name $pair) -}}
{{- end -}}
{{- end -}}

{{- define "tradewind.requireScaling" -}}
{{- $ := index . 0 -}}{{- $name := index . 1 -}}{{- $service := index . 2 -}}
{{- $scaling := $service.autoscaling.kind -}}
{{- if and (eq $.Values.storage.kind "sqlite") (include "tradewind.many" $service) -}}
{{- fail (printf "services.%s: more than one replica, or autoscaling, needs storage.kind postgres; a SQLite volume belongs to one Pod." $name) -}}
{{- end -}}
{{- if and (eq $scaling "keda") (or (ne $.Values.broker.class "Kafka") (not $.Values.keda.bootstrapServers)) -}}
{{- fail (printf "services.%s: autoscaling.kind keda needs broker.class Kafka and keda.bootstrapServers: it scales by the lag of the Triggers." $name) -}}
{{- end -}}
{{- if and (eq $scaling "keda") (not (include "tradewind.receivers" $ | fromJsonArray | has $name)) -}}
{{- fail (printf "services.%s: autoscaling.kind keda scales by the lag of its Triggers, and it has none: set it to hpa or none." $name) -}}
{{- end -}}
{{- if and (eq $scaling "hpa") (not (dig "requests" "cpu" "" ($service.resources | default dict))) -}}
{{- fail (printf "services.%s: autoscaling.kind hpa scales by a share of resources.requests.cpu, and there is none." $name) -}}
{{- end -}}
{{- if and (ne $scaling "none") (gt (int $service.autoscaling.minReplicas) (int $service.autoscaling.maxReplicas)) -}}
{{- fail (printf "services.%s: autoscaling.minReplicas is above maxReplicas." $name) -}}
{{- end -}}
{{- $budget := include "tradewind.budget" $service | fromJson -}}
{{- if and (hasKey $budget "minAvailable") (hasKey $budget "maxUnavailable") -}}
{{- fail (printf "services.%s: podDisruptionBudget takes minAvailable or maxUnavailable, not both; set the other one to null." $name) -}}
{{- end -}}
{{- $fewest := ternary $service.replicas $service.autoscaling.minReplicas (eq $scaling "none") | int -}}
{{- if and (kindIs "float64" $budget.minAvailable) (include "tradewind.many" $service) (ge (int $budget.minAvailable) $fewest) -}}
{{- fail (printf "services.%s: podDisruptionBudget.minAvailable is %d and there may be %d replicas: no node of theirs could ever be drained." $name (int $budget.minAvailable) $fewest) -}}
{{- end -}}
{{- end -}}

{{- define "tradewind.requireDelivery" -}}
{{- $ := index . 0 -}}{{- $name := index . 1 -}}{{- $service := index . 2 -}}
{{- if and $service.delivery (not $.Values.broker.create) (not $.Values.broker.deadLetterSink) (ne $.Values.broker.class "MTChannelBasedBroker") -}}
{{- fail (printf "services.%s.delivery needs broker.deadLetterSink: on %s a Trigger with a delivery of its own has no other dead letter sink." $name $.Values.broker.class) -}}
{{- end -}}
{{- $timeout := include "tradewind.timeout" (list $ $service) | float64 -}}
{{- if le (float64 $service.shutdown.grace) $timeout -}}
{{- fail (printf "services.%s: shutdown.grace is %d s, and a delivery may take %v s: set it above, or a service that ends breaks deliveries off." $name (int $service.shutdown.grace) $timeout) -}}
{{- end -}}
{{- end -}}

{{- define "tradewind.requireVariables" -}}
{{- $ := index . 0 -}}{{- $name := index . 1 -}}{{- $service := index . 2 -}}
{{- $own := include "tradewind.names" $service.extraEnv | fromJsonArray -}}
{{- range $variable := concat (keys $service.settings) (keys $service.secretFiles) $own -}}
{{- if has $variable (list "K_SINK" "K_CE_OVERRIDES" "K_CA_CERTS") -}}
{{- fail (printf "services.%s sets %s, which only the SinkBinding may set." $name $variable) -}}
{{- end -}}
{{- if has $variable (list "PORT" "EVENTS_PORT" "DATA_DIR" "SHUTDOWN_DELAY" "SHUTDOWN_GRACE") -}}
{{- fail (printf "services.%s sets %s, which follows from other values." $name $variable) -}}
{{- end -}}
{{- end -}}
{{- $files := include "tradewind.secretFiles" (list $ $name $service) | fromJson | keys -}}
{{- range $file := $files }}{{ $own = append $own (printf "%s_FILE" $file) }}{{ end -}}
{{- range $variable := include "tradewind.twice" $own | fromJsonArray -}}
{{- fail (printf "services.%s.extraEnv: %s is there twice." $name $variable) -}}
{{- end -}}
{{- end -}}

{{/* Values are kept in the release and shown by Helm: (list $ name service). */}}
{{- define "tradewind.requireReferences" -}}
{{- $name := index . 1 -}}{{- $service := index . 2 -}}
{{- $literal := keys $service.settings -}}
{{- range $service.extraEnv }}{{ if .value }}{{ $literal = append $literal .name }}{{ end }}{{ end -}}
{{- range $variable := $literal -}}
{{- if regexMatch "(^|_)(TOKEN|SECRET|PASSWORD|API_KEY|DATABASE_URL|OTLP_HEADERS|OTLP_TRACES_HEADERS)$" $variable -}}
{{- fail (printf "services.%s sets %s in the open; name a Secret: secretFiles: {%s: {name: …, key: …}}." $name $variable $variable) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "tradewind.requireGateway" -}}
{{- $ := index . 0 -}}{{- $name := index . 1 -}}{{- $service := index . 2 -}}
{{- $stripe := eq (toString $service.settings.PAYMENT_GATEWAY) "stripe" -}}
{{- if and $stripe (not $service.secretFiles.STRIPE_API_KEY) (not $service.envFrom) -}}
{{- fail (printf "services.%s: PAYMENT_GATEWAY stripe needs its key: secretFiles: {STRIPE_API_KEY: {name: …, key: …}}." $name) -}}
{{- end -}}
{{- if and $.Values.networkPolicy.enabled $stripe (not $service.egress) -}}
{{- fail (printf "services.%s: PAYMENT_GATEWAY stripe needs a way out through the NetworkPolicy: egress: [{ports: [{port: 443}]}]." $name) -}}
{{- end -}}
{{- end -}}

{{/* Refuses services that there are not, settings that nobody reads and values that nobody understands. */}}
{{- define "tradewind.requireSettings" -}}
{{- $known := .Files.Get "files/settings.yaml" | fromYaml -}}
{{- $every := dict -}}
{{- range $known }}{{ $every = merge $every . }}{{ end -}}
{{- range $variable := concat (keys .Values.defaults.settings) (keys .Values.defaults.secretFiles) -}}
{{- if not (hasKey $every $variable) -}}
{{- fail (printf "defaults sets %s, and no service has such a setting; docs/configuration.md lists them. Other variables go into extraEnv." $variable) -}}
{{- end -}}
{{- end -}}
{{- include "tradewind.requireForms" (list "defaults" .Values.defaults.settings $every) -}}
{{- $receivers := include "tradewind.receivers" . | fromJsonArray -}}
{{- range $name, $_ := .Values.services -}}
{{- if not (or (hasKey $known $name) (has $name $receivers)) -}}
{{- fail (printf "services.%s: the image has no service %s, and no Trigger names it; there are %s. One of your own comes with its Triggers: docs/adding-a-service.md." $name $name (keys $known | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- range $name, $service := .Values.services -}}
{{- $service = $service | default dict -}}
{{- $settings := $service.settings | default dict -}}
{{- range $variable := concat (keys $settings) (keys ($service.secretFiles | default dict)) -}}
{{- if and (hasKey $known $name) (not (hasKey (get $known $name) $variable)) -}}
{{- fail (printf "services.%s sets %s, and %s has no such setting; docs/configuration.md lists them. Other variables go into extraEnv." $name $variable $name) -}}
{{- end -}}
{{- end -}}
{{- include "tradewind.requireForms" (list (printf "services.%s" $name) $settings (get $known $name | default dict)) -}}
{{- end -}}
{{- end -}}

{{/* (list "services.payment" settings forms): the service would refuse to start, and Helm would wait for it in vain. */}}
{{- define "tradewind.requireForms" -}}
{{- $where := index . 0 -}}{{- $forms := index . 2 -}}
{{- range $variable, $value := index . 1 -}}
{{- $form := get $forms $variable -}}
{{- $text := kindIs "invalid" $value | ternary "" (include "tradewind.text" $value) -}}
{{- $is := printf "%s.settings.%s is %s" $where $variable $text -}}
{{- if eq $text "" -}}
{{- else if and (kindIs "slice" $form) (not (has $text $form)) -}}
{{- fail (printf "%s; it takes %s." $is (join ", " $form)) -}}
{{- else if and (eq (toString $form) "duration") (not (regexMatch "^(\\d+(\\.\\d+)?(ms|s|m|h|d)|PT(\\d+(\\.\\d+)?[HMS])+)$" $text)) -}}
{{- fail (printf "%s, which is no duration: write 500ms, 2s, 5m or 1h." $is) -}}
{{- else if and (eq (toString $form) "number") (not (regexMatch "^\\d+$" $text)) -}}
{{- fail (printf "%s, which is no whole number." $is) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The names in a list of environment variables or volumes. As JSON. */}}
{{- define "tradewind.names" -}}
{{- $names := list -}}
{{- range . }}{{ $names = append $names .name }}{{ end -}}
{{- toJson $names -}}
{{- end -}}

{{/* What is more than once in a list. As JSON. */}}
{{- define "tradewind.twice" -}}
{{- $seen := list -}}{{- $twice := list -}}
{{- range . }}{{ if has . $seen }}{{ $twice = append $twice . }}{{ end }}{{ $seen = append $seen . }}{{ end -}}
{{- toJson $twice -}}
{{- end -}}
