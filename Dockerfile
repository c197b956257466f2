# One image per part of Kandle: docker build --build-arg FUNCTION=transform -t kandle/transform:dev .
# knative/images.sh builds them all. It holds Node and one bundled file: no shell, no package manager, no sources.
#
# Pin both by digest in your own builds (NODE_IMAGE=…@sha256:…, RUN_IMAGE=…@sha256:…). The digests are not written here,
# because no registry could be reached where this file was made; no image was ever built from it there. What it makes is
# tested as it stands: build/test/image.test.ts runs /app by the same rules.
ARG NODE_IMAGE=docker.io/library/node:24.21.0-bookworm-slim
# The same C library as the build's; tag `nonroot` has user 65532 and no shell.
ARG RUN_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot
# `on` adds what V8 compiled, which starts in half the time: on a cluster transform's first event took 1.3 s with it and 2.4 s
# without. It is the one file that is not the same every time (index.cache); `off` leaves it out.
ARG CODE_CACHE=on

FROM ${RUN_IMAGE} AS node

# Every source with what it imports: what compose.yaml sets up and stands in with. No cluster runs it.
FROM ${NODE_IMAGE} AS tools
WORKDIR /src
COPY . .
# The lock file decides every version; scripts run, because a patch is applied by one.
RUN npm ci --no-audit --no-fund

FROM tools AS build
ARG FUNCTION
ARG SOURCE_DATE_EPOCH=0
# Same sources, same bytes, same times. Readable for everyone, writable for nobody.
RUN test -n "$FUNCTION" || { echo 'Cannot build: --build-arg FUNCTION is missing' >&2; exit 1; }; \
    node build/image.ts "$FUNCTION" /app && \
    chmod -R a=rX /app && \
    find /app -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

ARG CODE_CACHE
# The very Node that will run it: compiled code of another one would be thrown away.
COPY --from=node /nodejs/bin/node /usr/local/bin/run-node
# No server is there: it starts, waits, and leaves its compiled code (build/start.cjs) when it is told to end. With the address
# of a registry what Avro needs is loaded and compiled, too.
RUN case "$CODE_CACHE" in \
      off) ;; \
      on) (cd /app && CODE_CACHE=/tmp/index.cache KAFKA_BROKERS=127.0.0.1:1 CASSANDRA_PORT=1 SCHEMA_REGISTRY_URL=http://127.0.0.1:1 LOG_LEVEL=silent \
             timeout --signal=TERM 8 run-node --max-semi-space-size=16 --heap-growing-percent=100 start.cjs || true) && \
          install -m 444 /tmp/index.cache /app/index.cache ;; \
      *) echo 'Cannot build: CODE_CACHE is on or off' >&2; exit 1 ;; \
    esac

FROM ${RUN_IMAGE}
ARG FUNCTION
LABEL org.opencontainers.image.title="kandle/${FUNCTION}" \
      org.opencontainers.image.description="Kandle: live market data to exact 5-second candles on Knative"
WORKDIR /app
COPY --from=build /app /app
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
ENV NODE_ENV=production
EXPOSE 8080
# Not through npm or a shell: Node is process 1 and gets SIGTERM itself.
# Both numbers are knative/src/memory.ts's: it says why. The same when the code was compiled, or V8 would refuse it.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=16", "--heap-growing-percent=100", "/app/start.cjs"]
