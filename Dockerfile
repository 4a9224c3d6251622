# The webhook as a container image: one static binary and the certificate authorities, nothing else. See docs/webhook.md.
#     docker build -t acs-push .
FROM rust:1.95-alpine AS build
# ring and mimalloc compile C.
RUN apk add --no-cache build-base ca-certificates
WORKDIR /source
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY benches benches
COPY examples examples
COPY emulator emulator
# Alpine's Rust links statically with musl.
RUN cargo build --release --locked --bin acs-push

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /source/target/release/acs-push /acs-push
# Nobody's: the file system may be read-only, as long as STORE is not a folder.
USER 65532:65532
ENV LISTEN=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["/acs-push"]
CMD ["serve", "--webhook"]
