#!/bin/sh
# Knative Eventing for development: `check` tells whether the cluster has it, `install` installs a pinned version.
set -eu

version=knative-v1.22.2
release=https://github.com/knative/eventing/releases/download/$version

case "${1:-}" in
  check)
    if ! kubectl get --output=name crd brokers.eventing.knative.dev triggers.eventing.knative.dev \
      sinkbindings.sources.knative.dev >/dev/null; then
      echo "The cluster cannot be reached, or has no Knative Eventing. Install it: sh scripts/knative.sh install" >&2
      exit 1
    fi
    ;;
  install)
    kubectl apply --filename "$release/eventing-crds.yaml"
    kubectl wait --for=condition=Established --timeout=60s crd --selector knative.dev/crd-install=true
    kubectl apply --filename "$release/eventing-core.yaml" --filename "$release/in-memory-channel.yaml" \
      --filename "$release/mt-channel-broker.yaml"
    kubectl wait --for=condition=Available --timeout=180s --namespace knative-eventing deployment --all
    ;;
  *)
    echo "usage: sh scripts/knative.sh check|install" >&2
    exit 2
    ;;
esac
