# One image for every service; the service's name is its argument: docker run tradewind payment
# By default a service as it runs in a cluster; --target dev starts it anew whenever a source changes.
ARG BASE=node:24-bookworm-slim

FROM ${BASE} AS base
WORKDIR /app

FROM base AS dependencies
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts
COPY scripts/image/prune.ts scripts/image/
RUN node scripts/image/prune.ts

# Readable by everybody, whatever the umask of the checkout.
FROM base AS sources
COPY LICENSE package.json ./
COPY events events
COPY platform platform
COPY services services
RUN chmod -R a+rX,go-w . && mkdir ../data

FROM sources AS warm
COPY --from=dependencies /app/node_modules node_modules
COPY scripts/image/warm.ts scripts/image/
RUN node scripts/image/warm.ts

FROM base AS dev
COPY --from=dependencies --chown=65532:65532 /app/node_modules node_modules
COPY --from=sources --chown=65532:65532 /data /data
COPY --from=sources --chown=65532:65532 /app ./
ENV NODE_ENV=development DATA_DIR=/data NODE_COMPILE_CACHE=/tmp/compile-cache
# Node watches files, not folders, and loses one that is replaced: Skaffold's tar has to write into it.
ENV TAR_OPTIONS=--overwrite
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["node", "--watch", "--watch-preserve-output", "--disable-warning=ExperimentalWarning", "services/main.ts"]
CMD ["storefront"]

# Nothing here needs a shell, nor a file that can be written but /data.
FROM base AS runtime
COPY --from=dependencies --chown=0:0 /app/node_modules node_modules
COPY --from=sources --chown=65532:65532 /data /data
COPY --from=sources --chown=0:0 /app ./
COPY --from=warm --chown=0:0 /app/compile-cache compile-cache
ENV NODE_ENV=production DATA_DIR=/data NODE_COMPILE_CACHE=/app/compile-cache NODE_COMPILE_CACHE_PORTABLE=1
# Garbage grows with the room it has: half of the container's memory for what lives long, the rest for all else.
ENV NODE_OPTIONS="--max-old-space-size-percentage=50 --max-semi-space-size=8"
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "services/main.ts"]
CMD ["storefront"]
# Last, so that no layer of files depends on them.
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="Tradewind" \
      org.opencontainers.image.description="An event-driven online shop for Kubernetes and Knative Eventing" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
