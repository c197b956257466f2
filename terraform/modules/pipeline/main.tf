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
    KafkaTopic = var.copies < 3 ? { replicas = var.copies } : {
      replicas = var.copies
      config   = { "min.insync.replicas" = var.copies - 1 }
    }
  }
}
