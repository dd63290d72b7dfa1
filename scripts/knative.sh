#!/bin/sh
# Knative Eventing for development: `check` tells whether the cluster has it, `install` installs a pinned version, `wait`
# waits for what Skaffold has deployed. The first and the last are for Skaffold, which says where it deploys to.
set -eu

version=knative-v1.22.2
release=https://github.com/knative/eventing/releases/download/$version

kinds=brokers.eventing.knative.dev,triggers.eventing.knative.dev,sinkbindings.sources.knative.dev
shop=app.kubernetes.io/instance=shop

at() {
  kubectl ${SKAFFOLD_KUBE_CONTEXT:+--context "$SKAFFOLD_KUBE_CONTEXT"} "$@"
}

case "${1:-}" in
  check)
    if ! at get --output=name crd brokers.eventing.knative.dev triggers.eventing.knative.dev \
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
  wait)
    found=
    for namespace in $(echo "${SKAFFOLD_NAMESPACES:-default}" | tr , ' '); do
      if [ -n "$(at get "$kinds" --namespace "$namespace" --selector "$shop" --output name)" ]; then
        found=$namespace
        at wait --for=condition=Ready --timeout=120s --namespace "$namespace" --selector "$shop" "$kinds"
      fi
    done
    if [ -z "$found" ]; then
      echo "no Broker, Trigger or SinkBinding of the shop in ${SKAFFOLD_NAMESPACES:-default}" >&2
      exit 1
    fi
    ;;
  *)
    echo "usage: sh scripts/knative.sh check|install|wait" >&2
    exit 2
    ;;
esac
