# What the functions stand on beside the servers: their topics. The functions themselves, their sources and their
# settings are deployed by knative/deploy.sh (kn), again and again; this is made once.
module "topics" {
  source  = "../resources"
  files   = [var.topics_file]
  kinds   = ["KafkaTopic"]
  protect = var.protect
  ready   = "Ready"
  within  = "5m"
  changes = {
    KafkaTopic = {
      replicas = var.copies
      config   = { for key, value in { "min.insync.replicas" = var.copies - 1 } : key => value if var.copies >= 3 }
    }
  }
}
