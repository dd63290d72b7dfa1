#!/bin/sh
# Knative Eventing for development: `check` tells whether the cluster has it, `install` installs a pinned version, `wait`
# waits for what Skaffold has deployed. The first and the last are for Skaffold, which says where it deploys to.
set -eu

version=knative-v1.22.2
release=https://github.com/knative/eventing/releases/download/$version

groups='eventing.knative.dev sources.knative.dev'
kinds=brokers.eventing.knative.dev,triggers.eventing.knative.dev,sinkbindings.sources.knative.dev
shop=app.kubernetes.io/instance=shop

at() {
  kubectl ${SKAFFOLD_KUBE_CONTEXT:+--context "$SKAFFOLD_KUBE_CONTEXT"} "$@"
}

case "${1:-}" in
  check)
    if ! at get --raw /version >/dev/null; then
      echo "The cluster cannot be reached: kubectl cluster-info" >&2
      exit 1
    fi
    for group in $groups; do
      # Whoever may install the shop need not be let see the CRDs; which kinds there are, everybody is told. It also ends
      # with 1 where another group does not answer.
      if [ -z "$(at api-resources --api-group "$group" --output name 2>/dev/null || true)" ]; then
        echo "The cluster has no $group, which is Knative Eventing. Install it: sh scripts/knative.sh install" >&2
        exit 1
      fi
    done
    ;;
  install)
    kubectl apply --filename "$release/eventing-crds.yaml"
    kubectl wait --for=condition=Established --timeout=60s crd --selector knative.dev/crd-install=true
    kubectl apply --filename "$release/eventing-core.yaml"
    # Once it is registered, no Deployment can be made until it answers.
    kubectl wait --for=condition=Available --timeout=180s --namespace knative-eventing deployment/eventing-webhook
    kubectl apply --filename "$release/in-memory-channel.yaml" --filename "$release/mt-channel-broker.yaml"
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
