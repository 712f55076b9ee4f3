// Stands between a KV binding and the server: puts the namespace, which workerd doesn't name, in front of the path.
export default {
  fetch(request, env) {
    const rest = request.url.replace(/^https?:\/\/[^/?]*\/?/, "/"); // "https://fake-host?limit=3" has no slash
    return env.GRAPEVINE.fetch(`http://grapevine/binding/${env.NAMESPACE_ID}${rest}`, request);
  },
};
