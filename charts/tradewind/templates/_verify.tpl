{{/* Whether the services that an order passes are all in this release: "true" or "". */}}
{{- define "tradewind.sells" -}}
{{- $services := fromJson (include "tradewind.services" .) -}}
{{- if and $services.storefront $services.payment $services.inventory $services.shipping }}true{{ end -}}
{{- end -}}

{{/* The Pod that looks at the shop from outside: (list $ patience checks…). */}}
{{- define "tradewind.verifySpec" -}}
{{- $ := first . -}}
{{- $services := fromJson (include "tradewind.services" $) -}}
automountServiceAccountToken: false
restartPolicy: Never
{{ include "tradewind.podSpec" (list $ (include "tradewind.jobs" $ | fromJson)) }}
containers:
  - {{- include "tradewind.jobContainer" (concat (list $ "verify" "services/cluster/verify.ts") (slice . 2)) | nindent 4 }}
    env:
      {{- range list "storefront" "payment" "inventory" "shipping" "ledger" }}
      {{- if hasKey $services . }}
      - { name: {{ upper . }}_URL, value: "http://{{ include "tradewind.name" (list $ .) }}:8080" }
      {{- end }}
      {{- end }}
      - { name: TRIGGER_PREFIX, value: {{ include "tradewind.prefix" $ }}- }
      - { name: EVENTS_APART, value: "true" }
      - { name: VERIFY_PATIENCE, value: {{ index . 1 | quote }} }
      - { name: VERIFY_SKU, value: {{ $.Values.test.sku | quote }} }
      - { name: VERIFY_GOOD_CARD, value: {{ $.Values.test.goodCard | quote }} }
      - { name: VERIFY_BAD_CARD, value: {{ $.Values.test.badCard | quote }} }
      - { name: STAFF_TOKEN_FILE, value: /etc/tradewind/STAFF_TOKEN }
    volumeMounts:
      - { name: secrets, mountPath: /etc/tradewind, readOnly: true }
volumes:
  - name: secrets
    secret:
      secretName: {{ include "tradewind.secret" $ | quote }}
      defaultMode: 0440
      items: [{ key: staff-token, path: STAFF_TOKEN }]
{{- end -}}
