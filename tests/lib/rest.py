"""A client of the REST API over one keep-alive connection, from the standard library.

    api = Rest(server)
    ns = api.create("config")
    answer = api.put(ns, "a/b", b"value", expiration_ttl=60)
    answer.status, answer.reason, answer.headers, answer.body, answer.json, answer.result, answer.code
"""
import http.client
import json
from urllib.parse import quote, urlencode

NAMESPACES = "/client/v4/accounts/0123456789abcdef/storage/kv/namespaces"


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.reason = response.reason
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def result(self):
        """Of an envelope of success, which is looked at."""
        envelope = self.json
        if self.status != 200 or envelope["success"] is not True or envelope["errors"] != []:
            raise AssertionError(f"expected success, got {self.status} {self.body[:300]!r}")
        if not isinstance(envelope["messages"], list):
            raise AssertionError(f"messages of {self.body[:300]!r}")
        return envelope["result"]

    @property
    def info(self):
        return self.json["result_info"]

    @property
    def refusal(self):
        """(status, code, message) of an envelope of failure, which is looked at."""
        envelope = self.json
        if envelope["success"] is not False or envelope["result"] is not None or len(envelope["errors"]) != 1:
            raise AssertionError(f"expected a refusal, got {self.status} {self.body[:300]!r}")
        error = envelope["errors"][0]
        return self.status, error["code"], error["message"]

    @property
    def code(self):
        """(status, code) of a refusal."""
        return self.refusal[:2]


def path_of(namespace, *segments, **query):
    """Segments are encoded, slashes too."""
    path = "/".join([NAMESPACES, *([namespace] if namespace else []), *(quote(segment, safe="") for segment in segments)])
    return path + ("?" + urlencode(query) if query else "")


class Rest:
    def __init__(self, server, token=None, timeout_s=30):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=timeout_s)
        self.token = token

    def __call__(self, method, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.connection.request(method, path, body, headers)
        return Answer(self.connection.getresponse())

    def create(self, title):
        return self("POST", NAMESPACES, {"title": title}).result["id"]

    def get(self, namespace, key):
        return self("GET", path_of(namespace, "values", key))

    def put(self, namespace, key, value, **query):
        return self("PUT", path_of(namespace, "values", key, **query), value)

    def put_form(self, namespace, key, parts, **query):
        body = b"".join(b"--limit\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n" % (name.encode(), data)
                        for name, data in parts) + b"--limit--\r\n"
        return self("PUT", path_of(namespace, "values", key, **query), body,
                    Content_Type="multipart/form-data; boundary=limit")

    def delete(self, namespace, key):
        return self("DELETE", path_of(namespace, "values", key))

    def metadata(self, namespace, key):
        return self("GET", path_of(namespace, "metadata", key))

    def keys(self, namespace, **query):
        return self("GET", path_of(namespace, "keys", **query))

    def write(self, namespace, pairs):
        return self("PUT", path_of(namespace, "bulk"), pairs)

    def remove(self, namespace, names):
        return self("POST", path_of(namespace, "bulk", "delete"), names)

    def read(self, namespace, **request):
        return self("POST", path_of(namespace, "bulk", "get"), request)
