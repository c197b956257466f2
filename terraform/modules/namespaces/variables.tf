variable "files" {
  description = "The YAML files that have them; other kinds in them are left out."
  type        = list(string)
}
