using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    # Grapevine: its HTTP port, and the namespace behind the binding.
    (name = "settings", external = (address = "127.0.0.1:8379", http = (style = host, injectRequestHeaders = [
      (name = "X-KV-Namespace", value = "user-settings")]))),
  ],
  sockets = [(name = "http", address = "127.0.0.1:8787", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  compatibilityDate = "2026-01-01",
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  bindings = [(name = "SETTINGS", kvNamespace = "settings")],
);
