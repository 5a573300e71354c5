FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# .ci/run builds with this very line and runs the result in an empty root.
RUN CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /titrate ./cmd/titrate

FROM gcr.io/distroless/static:nonroot
COPY --from=build /titrate /titrate
# Inside a container the loopback address would reach nobody.
ENV LISTEN_ADDR=0.0.0.0:8080
EXPOSE 8080
USER nonroot
ENTRYPOINT ["/titrate"]
CMD ["serve"]
