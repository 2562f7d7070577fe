{{- define "saker.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "saker.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "saker.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "saker.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "saker.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- /* What never changes while a release lives: a selector cannot. */}}
{{- define "saker.selectorLabels" -}}
app.kubernetes.io/name: {{ include "saker.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "saker.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" | quote }}
{{ include "saker.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end }}

{{- /* Of (list $ labels): the chart's, and the user's where these are others. */}}
{{- define "saker.labelsWith" -}}
{{- toYaml (merge (include "saker.labels" (index . 0) | fromYaml) (index . 1)) }}
{{- end }}

{{- define "saker.image" -}}
{{- with .Values.image -}}
{{ if .registry }}{{ .registry }}/{{ end }}{{ .repository }}{{ if .tag }}:{{ .tag }}{{ end }}
{{- end }}
{{- end }}

{{- /* Of (list "name" map): as YAML. Of some control characters toYaml makes blanks, of others nothing at all, without a word. */}}
{{- define "saker.yaml" -}}
{{- $text := toYaml (index . 1) }}
{{- if ne (printf "%s\n" $text | fromYaml | toJson) (index . 1 | toJson) }}
{{- fail (printf "%s has a control character, or bytes that are not UTF-8, that Helm does not bring through YAML" (index . 0)) }}
{{- end }}
{{- $text }}
{{- end }}

{{- /* Fails for what Falco's chart takes and no pod of ours would read. */}}
{{- define "saker.unread" -}}
{{- $named := list .Values.config .Values.extra.args | toJson }}
{{- $rules := list .Values.config.rules_files .Values.extra.args | toJson }}
{{- if and .Values.customRules (not (regexMatch "[\"=]/rules\\.d[/\"]" $rules)) }}
{{- fail "customRules are in /rules.d: name it in config.rules_files, or leave config.rules_files out" }}
{{- end }}
{{- range .Values.mounts.volumeMounts }}
{{- $path := toString .mountPath | trimSuffix "/" }}
{{- if and (hasPrefix "/etc/falco/" (print $path "/")) (not (contains "/etc/falco" $named)) }}
{{- fail (printf "mounts.volumeMounts has %s, which nothing reads: rules there are to be named in config.rules_files" $path) }}
{{- end }}
{{- end }}
{{- $repository := required "image.repository is not there" .Values.image.repository }}
{{- if regexMatch "(^|/)falco(-no-driver)?$" $repository }}
{{- fail (printf "image.repository is Falco's, %s: npm run pack:image makes Saker's" $repository) }}
{{- end }}
{{- end }}

{{- /* saker.yaml, with what metrics.enabled means there. toYaml takes the last line's end away. */}}
{{- define "saker.config" -}}
{{- $config := deepCopy .Values.config }}
{{- if .Values.metrics.enabled }}
{{- $metrics := default dict $config.metrics }}
{{- if not (hasKey $metrics "output_rule") }}{{ $_ := set $metrics "output_rule" false }}{{ end }}
{{- $_ := set $config "metrics" (set $metrics "enabled" true) }}
{{- $server := default dict $config.webserver }}
{{- $server = set (set $server "enabled" true) "prometheus_metrics_enabled" true }}
{{- $_ := set $config "webserver" $server }}
{{- end }}
{{- list "config" $config | include "saker.yaml" | printf "%s\n" }}
{{- end }}

{{- /* Whether the API server is asked: "true" or nothing. */}}
{{- define "saker.asksApi" -}}
{{- if (default dict .Values.config.kubernetes).api }}true{{ end }}
{{- end }}
