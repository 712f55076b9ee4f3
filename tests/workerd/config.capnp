# One Worker, with bindings to one server that tell it the namespace in each of the ways there are.
# The address of the server (-e grapevine=HOST:PORT, and so on) and NAMESPACE_ID come from the test.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "bridge", worker = .bridge),
    (name = "prefix", worker = .prefix),
    (name = "grapevine", external = (address = "", http = (style = host, injectRequestHeaders = [.token]))),
    (name = "titled", external = (address = "", http = (style = host, injectRequestHeaders = [
      .token, (name = "X-KV-Namespace", value = "by-title")]))),
    (name = "tokenless", external = (address = "", http = (style = host, injectRequestHeaders = [
      (name = "X-KV-Namespace", value = "by-title")]))),
    (name = "unknown", external = (address = "", http = (style = host, injectRequestHeaders = [
      .token, (name = "X-KV-Namespace", value = "no-such-title")]))),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "bridge")],
);

const token :Workerd.HttpOptions.Header = (name = "Authorization", value = "Bearer a-token");

const bridge :Workerd.Worker = (
  compatibilityDate = "2026-01-01",
  modules = [(name = "bridge.js", esModule = embed "bridge.js")],
  bindings = [
    (name = "header", kvNamespace = "titled"),
    (name = "path", kvNamespace = "prefix"),
    (name = "tokenless", kvNamespace = "tokenless"),
    (name = "unknown", kvNamespace = "unknown"),
  ],
);

const prefix :Workerd.Worker = (
  compatibilityDate = "2026-01-01",
  modules = [(name = "prefix.js", esModule = embed "prefix.js")],
  bindings = [
    (name = "GRAPEVINE", service = "grapevine"),
    (name = "NAMESPACE_ID", fromEnvironment = "NAMESPACE_ID"),
  ],
);
