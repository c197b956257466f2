variable "chart_version" {
  description = "The version of the chart kube-prometheus-stack."
  type        = string
}

variable "grafana_version" {
  description = "The version of Grafana: 12.4, which the dashboards were made for."
  type        = string

  validation {
    condition     = startswith(var.grafana_version, "12.4.")
    error_message = "The dashboards and the Cassandra plugin were tried with Grafana 12.4 alone."
  }
}

variable "grafana_admin_secret" {
  description = "The Secret in the namespace monitoring with the keys admin-user and admin-password."
  type        = string
}

variable "rules_files" {
  description = "The alert rules, as files of Prometheus."
  type        = list(string)
}

variable "dashboards_folder" {
  description = "The folder with the dashboards."
  type        = string
}
