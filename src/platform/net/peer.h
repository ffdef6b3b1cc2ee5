/* The other end of a connection, as far as it is known. */
#pragma once
#include "base/str.h"

struct net_peer {
    struct str address; /* "127.0.0.1:51234"; empty for sockets without an address */
    bool loopback;
    bool tls;
    struct str subject; /* common name of the verified client certificate; empty: none */
};
