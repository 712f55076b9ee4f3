#!/usr/bin/python3
"""The REST door through Workers KV's official SDK (`cloudflare` of npm), unchanged: tests/node/sdk.js, one claim of it at
a time, each against a server of its own."""
import os

from lib import npm, wait
from lib.claims import claim, run
from lib.server import Server


def carry_out(claim_of_sdk, *words, options=("--key-write-rate", "0"), before=None):
    """`before` is given the server and answers more words."""
    with npm.Home() as home, Server(*options, http=True) as server:
        if before:
            words += before(server)
        done = home.node(os.path.join(npm.SOURCE, "sdk.js"), claim_of_sdk, f"http://127.0.0.1:{server.http_port}/client/v4",
                         *words, timeout_s=120)
        if done.returncode or done.stdout or done.stderr:
            raise AssertionError(f"{done.stdout}{done.stderr}")


@claim
def namespaces_are_made_found_renamed_and_deleted_with_their_keys():
    carry_out("namespaces")


@claim
def titles_are_unique_and_of_one_to_512_bytes():
    carry_out("titles")


@claim
def namespaces_are_listed_page_by_page_in_any_order():
    carry_out("namespacePages")


@claim
def every_byte_comes_back():
    carry_out("everyByte")


@claim
def keys_of_any_kind_are_written_listed_read_and_deleted():
    carry_out("keysOfAnyKind")


@claim
def keys_are_listed_page_by_page_while_others_come_and_go():
    carry_out("paging")


@claim
def expirations_and_what_is_wrong_with_them():
    carry_out("expirations")


@claim
def a_key_past_its_time_is_missing_everywhere():
    def before(server):
        client = server.client()
        client("NAMESPACE", "CREATE", "short lives")
        client("SELECT", "short lives")
        client("SET", "here", "v")
        client("SET", "gone", "v", "PX", "20")
        wait.until(lambda: client("EXISTS", "gone") == 0, "the key has expired", 5)
        about = client("NAMESPACE", "INFO", "short lives")
        return (dict(zip(about[::2], about[1::2]))[b"id"].decode(),)

    carry_out("expired", before=before)


@claim
def metadata_of_every_shape_comes_back_and_goes_with_the_next_write():
    carry_out("metadata")


@claim
def bulk_requests_write_read_and_delete():
    carry_out("many")


@claim
def a_bulk_write_that_is_wrong_somewhere_does_nothing():
    carry_out("manyOrNothing")


@claim
def the_limits_of_the_beta_are_exact():
    carry_out("limits", 2048, 65536)


@claim
def todays_limits_are_exact():
    carry_out("limits", 512, 26214400, options=("--limits", "current", "--key-write-rate", "0"))


@claim
def a_second_write_within_a_second_is_refused_and_the_sdk_s_own_retry_gets_through():
    carry_out("writeRate", options=())


@claim
def only_the_right_token_is_let_in():
    carry_out("token", "s3cret-Token/+=", options=("--http-token", "s3cret-Token/+=", "--key-write-rate", "0"))


@claim
def what_clients_ask_about_the_account_is_answered():
    carry_out("aroundIt")


@claim
def two_hundred_requests_at_the_same_time():
    carry_out("atTheSameTime")


if __name__ == "__main__":
    run()
