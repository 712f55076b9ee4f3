#!/usr/bin/python3
"""Caches, sessions and results of applications, through the libraries they use for it, unchanged.

From Debian: django-redis, Flask-Caching, Flask-Session, celery's result backend, dogpile.cache.  From npm: connect-redis,
keyv, cache-manager (tests/node/applications.js)."""
import gc
import os

from lib import npm
from lib.claims import Skip, check, claim, run
from lib.server import Server

NO_RATE = ("--key-write-rate", "0")


def url(server, database=0):
    return f"redis://127.0.0.1:{server.port}/{database}"


def module(name):
    """A library that this machine may not have."""
    try:
        return __import__(name, fromlist=["_"])
    except ImportError as error:
        raise Skip(f"no {name}: {error}") from error


def refusal_of(function):
    """The text of what it raises."""
    try:
        function()
    except Exception as error:  # each library has its own class
        return str(error)
    raise AssertionError("it was not refused")


def use_cache(get, put, delete):
    """What all caches can."""
    check(get("missing"), None)
    put("k", {"name": "Ada", "tags": [1, 2]}, 100)
    check(get("k"), {"name": "Ada", "tags": [1, 2]})
    put("k", "another", 100)
    check(get("k"), "another")
    delete("k")
    check(get("k"), None)


# --- Django -----------------------------------------------------------------------------------------


def django_cache(server):
    settings = module("django.conf").settings
    if not settings.configured:
        settings.configure()
    cache_class = module("django_redis.cache").RedisCache
    return cache_class(url(server, 1), {"OPTIONS": {"CLIENT_CLASS": "django_redis.client.DefaultClient"}, "TIMEOUT": 300})


@claim
def django_redis_caches():
    with Server(*NO_RATE) as server:
        cache = django_cache(server)
        use_cache(cache.get, cache.set, cache.delete)
        check((cache.add("once", 1, 100), cache.add("once", 2, 100)), (True, False))
        check((cache.incr("once", 4), cache.get("once"), 90 < cache.ttl("once") <= 100), (5, 5, True))
        cache.set_many({"a": 1, "b": 2}, 100)
        check(cache.get_many(["a", "b", "c"]), {"a": 1, "b": 2})
        check(sorted(cache.keys("*")), ["a", "b", "once"])
        check((cache.delete_pattern("a*"), cache.has_key("a"), cache.has_key("b")), (1, False, True))
        cache.clear()
        check(cache.get("b"), None)


@claim
def django_redis_is_told_of_the_write_rate():
    with Server() as server:
        cache = django_cache(server)
        cache.set("k", 1)
        words = refusal_of(lambda: cache.set("k", 2))
        check("RATELIMIT" in words and "retry in" in words, True, words)
        check(cache.get("k"), 1)


# --- Flask ------------------------------------------------------------------------------------------


@claim
def flask_caching_caches():
    flask, caching = module("flask"), module("flask_caching")
    with Server(*NO_RATE) as server:
        app = flask.Flask("app")
        cache = caching.Cache(app, config={"CACHE_TYPE": "RedisCache", "CACHE_REDIS_URL": url(server, 2)})
        calls = []

        @cache.memoize(100)
        def square(n):
            calls.append(n)
            return n * n

        with app.app_context():
            use_cache(cache.get, lambda key, value, ttl: cache.set(key, value, timeout=ttl), cache.delete)
            check([square(3), square(3), square(4)], [9, 9, 16])
            check(calls, [3, 4])
            cache.delete_memoized(square)
            check((square(3), calls), (9, [3, 4, 3]))
            check(cache.get_many("none", "k"), [None, None])


@claim
def flask_session_keeps_sessions():
    flask, sessions, redis = module("flask"), module("flask_session"), module("redis")
    with Server(*NO_RATE) as server:
        app = flask.Flask("app")
        app.config.update(SESSION_TYPE="redis", SECRET_KEY="s", SESSION_REDIS=redis.Redis(port=server.port))
        sessions.Session(app)

        @app.route("/count")
        def count():
            flask.session["n"] = flask.session.get("n", 0) + 1
            return str(flask.session["n"])

        with app.test_client() as first, app.test_client() as second:
            check([first.get("/count").data for _ in range(3)], [b"1", b"2", b"3"])
            check(second.get("/count").data, b"1")
        check(server.client()("DBSIZE"), 2)


# --- celery, dogpile ----------------------------------------------------------------------------------


@claim
def celery_keeps_results():
    celery = module("celery")
    with Server(*NO_RATE) as server:
        app = celery.Celery("app", backend=url(server, 3), broker="memory://")
        backend = app.backend
        for n in range(20):
            backend.store_result(f"task{n}", {"n": n}, "SUCCESS")
        check([app.AsyncResult(f"task{n}").get(timeout=10) for n in range(20)], [{"n": n} for n in range(20)])
        backend.store_result("failed", ValueError("no"), "FAILURE", traceback="...")
        check((app.AsyncResult("failed").state, str(app.AsyncResult("failed").result)), ("FAILURE", "no"))
        app.AsyncResult("failed").forget()
        check(app.AsyncResult("failed").state, "PENDING")
        gc.collect()  # results say good-bye to the server when they go


@claim
def dogpile_caches():
    region_of = module("dogpile.cache").make_region
    with Server(*NO_RATE) as server:
        region = region_of().configure("dogpile.cache.redis", expiration_time=100,
                                       arguments={"host": "127.0.0.1", "port": server.port, "db": 4,
                                                  "redis_expiration_time": 200})
        calls = []
        check([region.get_or_create("k", lambda: calls.append(1) or "made") for _ in range(3)], ["made"] * 3)
        check(len(calls), 1)
        region.set_multi({"a": 1, "b": 2})
        check(region.get_multi(["a", "b"]), [1, 2])
        region.delete("a")
        check(bool(region.get("a")), False)


# --- Node.js ------------------------------------------------------------------------------------------


def carry_out(library):
    with npm.Home() as home, Server(*NO_RATE) as server:
        done = home.node(os.path.join(npm.SOURCE, "applications.js"), library, server.port)
        check((done.returncode, done.stderr), (0, ""), library)


@claim
def connect_redis_keeps_sessions():
    carry_out("connect-redis")


@claim
def keyv_keeps_values():
    carry_out("keyv")


@claim
def cache_manager_caches():
    carry_out("cache-manager")


if __name__ == "__main__":
    run()
