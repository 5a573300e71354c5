"use strict";

// Swagger UI over this server's own contract. What it adds: Idempotency-Key and If-Match are
// filled in when a request is executed, and the demo is signed in.

const contract = "/openapi.json";
const base = "/v1";
const anyId = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/i;

// The last ETag of each record that was shown, by the record's id, or by the path of the one
// that has none there: the clinic.
const etags = new Map();

// What was filled in last, by operation and header. It is replaced the next time; what a
// person typed stays, so that a request can be repeated with the same key.
const filledIn = new Map();

// newKey works without TLS too, where crypto.randomUUID does not exist.
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

// recordOf finds the record that a path acts on: the first one that it names.
function recordOf(path) {
  return path.match(anyId)?.[0] ?? path;
}

// remember keeps the ETag of a record that was answered. A refusal's ETag does not count:
// nobody has seen that version.
function remember(response) {
  const etag = response.headers.etag;
  if (!response.ok || !etag) return;
  const path = response.headers.location ?? new URL(response.url).pathname;
  const record = recordOf(path);
  etags.set(record === path ? path : response.body?.id ?? record, etag);
}

// explain adds to the contract that is shown, not to the one that is served: what the page
// does for the reader, and of each operation its kind and who may call it.
function explain(response) {
  const document = JSON.parse(response.text);
  for (const operation of Object.values(document.paths).flatMap(Object.values)) {
    if (!operation.operationId) continue;
    operation.description += `\n\n*Kind:* ${operation["x-kind"]}. *Access:* ${operation["x-access"].join(", ")}.`;
  }
  const { IdempotencyKey, IfMatch } = document.components.parameters;
  IdempotencyKey.description += " *This page fills in a new one each time, unless you have typed one.*";
  IfMatch.description += " *Show the record first: this page fills in the one that was answered last.*";
  response.text = JSON.stringify(document);
}

// fillIn is a Swagger UI plugin that acts before a request's parameters are validated.
function fillIn() {
  const values = {
    "Idempotency-Key": newKey,
    "If-Match": (path, parameters, valueOf) => {
      const first = path.match(/{(.+?)}/)?.[1];
      const id = parameters.find((p) => p.get("in") === "path" && p.get("name") === first);
      return etags.get(id ? valueOf(id) : base + path);
    },
  };
  const validateParams = (original, { specSelectors, specActions }) => (operation) => {
    const [path, method] = operation;
    const parameters = specSelectors.specResolvedSubtree(["paths", path, method])?.get("parameters") ?? [];
    const valueOf = (p) => specSelectors.parameterWithMetaByIdentity(operation, p).get("value");
    parameters.forEach((p) => {
      const name = p.get("name");
      const place = [method, path, name].join(" ");
      const present = valueOf(p);
      if (p.get("in") !== "header" || !values[name] || (present && present !== filledIn.get(place))) return;
      const value = values[name](path, parameters, valueOf);
      if (!value) return;
      filledIn.set(place, value);
      specActions.changeParamByIdentity(operation, p, value, false);
    });
    return original(operation);
  };
  return { statePlugins: { spec: { wrapActions: { validateParams } } } };
}

// signIn fetches the chosen person's token. There is nothing to choose outside of the demo.
async function signIn() {
  const role = document.querySelector("#role");
  if (!role) return;
  const note = document.querySelector("#sign-in");
  try {
    const answer = await fetch("/docs/token?as=" + encodeURIComponent(role.value));
    if (!answer.ok) throw new Error(answer.statusText);
    ui.preauthorizeApiKey("bearer", (await answer.json()).token);
    note.value = "";
  } catch {
    ui.authActions.logout(["bearer"]);
    note.value = "The server did not answer; nobody is signed in.";
  }
}

const ui = SwaggerUIBundle({
  url: contract,
  dom_id: "#operations",
  plugins: [fillIn],
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  filter: true,
  validatorUrl: null,
  onComplete: signIn,
  responseInterceptor: (response) => {
    if (new URL(response.url).pathname === contract) explain(response);
    else remember(response);
    return response;
  },
});

document.querySelector("#role")?.addEventListener("change", signIn);
