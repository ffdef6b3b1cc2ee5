/* Shared by the carriers of requests (HTTP/1.1 here, HTTP/2 in platform/rpc). */
#pragma once
#include "platform/http/http.h"
#include "platform/net/outbox.h"

/* Fields of one answer, those that every answer has included; further ones are left out. */
#define HTTP_ANSWER_FIELDS_MAX 40

/* Numbers of requests and calls, unique in this process. */
uint64_t http_next_id(void);

/* Splits and decodes the request target in origin form into path and query; false when it is malformed. */
bool http_set_target(struct http_request *request, struct str target) MUST_USE;

/* A refusal by the carrier itself, as the service wants it or as JSON. The message is plain ASCII without quotes. */
void http_refuse(struct http_service *service, struct http_request *request, int status, struct str message);

/* "Sat, 21 Nov 2026 10:31:00 GMT"; the text is good until the next call. */
struct str http_date(int64_t wall_us);
