# Copyright 2026 The edge_infer maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""What every runtime owes to services and clients."""

import pytest


def offer_flip(node, name="flip"):
    flip = node.messages["std_srvs/srv/SetBool"]

    def answer(request, response):
        response.success = not request.data
        response.message = "flipped"
        return response

    node.create_service(flip, name, answer)


def client_of(node, name="flip", type_name="std_srvs/srv/SetBool"):
    return node.create_client(node.messages[type_name], name)


def call(client, **fields):
    return client.call_async(client.srv_type.Request(**fields))


def test_a_call_is_answered(world):
    server, caller = world.node("server"), world.node("caller")
    offer_flip(server)
    client = client_of(caller)
    assert world.until(client.service_is_ready)
    futures = [call(client, data=value) for value in (True, False)]
    assert world.until(lambda: all(future.done() for future in futures))
    assert [future.result().success for future in futures] == [False, True]
    assert futures[0].result().message == "flipped"
    assert futures[0].exception() is None


def test_each_client_gets_its_own_answers(world):
    server, one, other = world.node("server"), world.node("one"), world.node("other")
    offer_flip(server)
    clients = [client_of(node) for node in (one, other)]
    assert world.until(lambda: all(client.service_is_ready() for client in clients))
    values = [True, False, False, True]
    futures = [call(client, data=v) for client, v in zip(clients * 2, values, strict=True)]
    assert world.until(lambda: all(future.done() for future in futures))
    assert [future.result().success for future in futures] == [not value for value in values]


def test_names_of_services_follow_the_same_rules(world):
    server = world.node("server", "-r", "__ns:=/drone1")
    caller = world.node("caller", "-r", "question:=/drone1/server/flip")
    offer_flip(server, "~/flip")
    client = client_of(caller, "question")
    assert world.until(client.service_is_ready)
    future = call(client)
    assert world.until(future.done)
    assert future.result().success is True


def test_an_absent_service_is_not_ready(world):
    client = client_of(world.node(), "nobody")
    assert not client.service_is_ready()
    assert not client.wait_for_service(timeout_sec=0.2)


def test_waiting_for_a_service_of_the_same_process(world):
    node = world.node()
    offer_flip(node)
    client = client_of(node)
    assert client.wait_for_service(timeout_sec=10.0)
    answers = []
    call(client).add_done_callback(lambda future: answers.append(future.result()))
    assert world.until(lambda: answers)
    assert answers[0].success is True


def test_a_request_without_fields(world):
    server, caller = world.node("server"), world.node("caller")

    def answer(_, response):
        response.message = "done"
        return response

    server.create_service(server.messages["std_srvs/srv/Trigger"], "go", answer)
    client = client_of(caller, "go", "std_srvs/srv/Trigger")
    assert world.until(client.service_is_ready)
    future = call(client)
    assert world.until(future.done)
    assert future.result().message == "done"


def test_an_error_in_a_handler_reaches_whoever_spins(world):
    node = world.node()

    def answer(request, response):
        if request.data:
            raise ValueError("a fault in the handler")
        response.message = "fine"
        return response

    node.create_service(node.messages["std_srvs/srv/SetBool"], "flip", answer)
    client = client_of(node)
    assert world.until(client.service_is_ready)
    failed = call(client, data=True)
    with pytest.raises(ValueError, match="a fault in the handler"):
        world.until(failed.done)
    future = call(client, data=False)
    assert world.until(future.done)
    assert future.result().message == "fine"
    assert not failed.done()
