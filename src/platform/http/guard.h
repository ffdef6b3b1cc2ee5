/* Keeps web pages of other sites out: a browser on the same machine reaches loopback ports, so every request is
 * checked before a handler sees it. Used by both carriers. */
#pragma once
#include "platform/http/http.h"

struct guard;

/* addresses: what the server listens on ("127.0.0.1:8815"); hosts: further names that a Host header may carry. */
struct guard *guard_new(const struct str *addresses, size_t address_count, const struct str *hosts, size_t host_count);
/* The one path that takes the content type of an HTML form as well: OAuth's token endpoint (RFC 6749 4.4.2), which
 * changes nothing. Lives as long as the guard. */
void guard_allow_form(struct guard *guard, struct str path);
/* Accepts NULL inside. */
void guard_free(struct guard **guard);

/* 0 when the request may pass, else the status to refuse it with:
 * 400 Host and :authority differ; 421 Host is not a name of this server (DNS rebinding); 403 Origin is another site;
 * 415 a method that changes something carries a content type that an HTML form could send. */
int guard_check(const struct guard *guard, const struct http_request *request, struct str *why_out);
