/* The server's certificate: from the files of the configuration, or of its own making. */
#pragma once
#include "app/config.h"
#include "app/data.h"
#include "platform/net/tls.h"

/* *tls_out is NULL when connections are plain. Files of the configuration were read with it; those of a certificate of
 * the server's own making are tls.crt and tls.key of the data directory, and are made when they are missing or end
 * soon. Logs which certificate it is. */
bool serve_tls_open(const struct config *config, const struct data *data, struct tls **tls_out,
                    struct err *err) MUST_USE;
