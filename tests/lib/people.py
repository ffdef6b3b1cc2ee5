"""Users of a server: who they are and what they prove it with."""

import requests

PASSWORD = "correct horse 7"


class Person:
    """A user as a REST client; `headers` go with every request."""

    def __init__(self, server, name, headers):
        self.server, self.name, self.headers = server, name, headers

    def request(self, method, path, body=None, **arguments):
        return requests.request(method, self.server.url + path, json={} if body is None and method != "GET" else body,
                                headers=self.headers | arguments.pop("headers", {}), timeout=60, **arguments)

    def query(self, sql, tenant):
        return self.request("POST", "/api/v1/query", {"sql": sql, "tenant": tenant})

    def rows(self, sql, tenant):
        answer = self.query(sql, tenant)
        assert answer.status_code == 200, answer.text
        return answer.json()["rows"]

    def token(self, name, **more):
        """A new token of theirs, as another Person."""
        answer = self.request("POST", "/api/v1/tokens", {"name": name} | more)
        assert answer.status_code == 201, answer.text
        return Person(self.server, self.name, {"Authorization": f"Bearer {answer.json()['token']}"})


def nobody(server):
    return Person(server, "", {})


def login(server, name, password=PASSWORD):
    answer = requests.post(f"{server.url}/api/v1/login", json={"user": name, "password": password}, timeout=60)
    assert answer.status_code == 200, answer.text
    return Person(server, name, {"Authorization": f"Bearer {answer.json()['token']}"})


def administrator(server):
    """Makes the first user."""
    answer = nobody(server).request("POST", "/api/v1/users", {"name": "root", "password": PASSWORD, "admin": True})
    assert answer.status_code == 201, answer.text
    return login(server, "root")


def user(root, name, **roles):
    """A user with these roles in tenants: user(root, "bob", tenant_acme="reader")."""
    answer = root.request("POST", "/api/v1/users", {"name": name, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    for tenant, role in roles.items():
        granted = root.request("PUT", f"/api/v1/tenants/{tenant}/grants/{name}", {"role": role})
        assert granted.status_code == 204, granted.text
    return login(root.server, name)
