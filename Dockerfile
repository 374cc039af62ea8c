# Builds the binary as it is shipped and puts it into a small image of its own.
#
#   docker build --tag cartage .
#   docker build --tag cartage --build-arg FEATURES=demo .      # with the emulated platforms: demo, sandbox
#
# It runs as a user without rights, keeps its database in the volume /var/lib/cartage, and reads its configuration from
# /etc/cartage/cartage.toml. See docs/guides/install.md.

FROM rust:1.95-bookworm AS build
ARG FEATURES=""
WORKDIR /source
COPY . .
RUN cargo build --locked --profile dist --package cartage --no-default-features --features "$FEATURES" \
    && strip target/dist/cartage

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /var/lib/cartage --shell /usr/sbin/nologin cartage \
    && install --directory --owner cartage --group cartage --mode 0700 /var/lib/cartage
COPY --from=build /source/target/dist/cartage /usr/local/bin/cartage
COPY deploy/health /usr/local/bin/cartage-health

USER cartage
WORKDIR /var/lib/cartage
VOLUME /var/lib/cartage
EXPOSE 8470
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["cartage-health"]
ENTRYPOINT ["cartage", "--config", "/etc/cartage/cartage.toml"]
CMD ["run"]
