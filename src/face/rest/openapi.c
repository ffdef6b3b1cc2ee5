/* The description of this interface, made part of the program at build time. */
#include "face/rest/rest_priv.h"

#include "openapi_json.h"

void rest_openapi_get(struct rest_exchange *exchange)
{
    rest_answer(exchange, 200, S("application/json"), str_bytes(openapi_json, sizeof(openapi_json)), NULL, 0);
}
