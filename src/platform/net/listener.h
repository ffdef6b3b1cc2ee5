/* Listening TCP sockets: accepts and hands descriptors over. Survives the lack of descriptors by waiting a moment. */
#pragma once
#include "platform/net/loop.h"

struct listener;

struct listener_options {
    const struct str *addresses; /* "127.0.0.1:8815", "[::1]:8815", "localhost:0", "*:8815"; at least one */
    size_t address_count;
    int backlog; /* 0: 1024 */
};

/* Called for each accepted socket (nonblocking, close-on-exec); the owner has to take or close it. */
typedef void listener_accept(void *owner, int fd);

/* A name may stand for several addresses; port 0 is chosen once per address. */
struct listener *listener_new(struct loop *loop, const struct listener_options *options, listener_accept *on_accept,
                              void *owner, struct err *err) MUST_USE;
/* Stops listening. Accepts NULL inside. */
void listener_free(struct listener **listener);

/* The sockets, in the order of the addresses. */
size_t listener_count(const struct listener *listener);
uint16_t listener_port(const struct listener *listener, size_t index);
/* "127.0.0.1:8815" with the port that was bound; lives as long as the listener. */
struct str listener_address(const struct listener *listener, size_t index);
