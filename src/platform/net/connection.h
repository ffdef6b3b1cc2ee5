/* One stream socket on the loop: reads into memory that is only borrowed while a protocol looks at it, sends slices
 * without copying them, and closes in order. What the bytes mean is the business of a `struct connection_protocol`.
 *
 * Life: connection_new takes the descriptor. However it ends (peer, error, time-out, connection_close), on_closed is
 * called exactly once, later from the loop, as the last call to the protocol; after it the owner must forget the
 * connection, which sends what is still queued, closes and frees itself. */
#pragma once
#include "base/list.h"
#include "platform/net/loop.h"
#include "platform/net/outbox.h"
#include "platform/net/peer.h"

struct connection;
struct tls;

/* "[address]:port" fits in. */
#define CONNECTION_ADDRESS_SIZE 56

/* on_writable is called while fewer bytes than this are queued. */
#define CONNECTION_HIGH_WATER ((size_t)1 << 20)

enum connection_end {
    CONNECTION_END_PEER,    /* the peer closed its side or the connection broke */
    CONNECTION_END_TIMEOUT, /* the deadline passed, or the peer took nothing for net.write_timeout */
    CONNECTION_END_LOCAL,   /* connection_close or connection_abort */
};

struct connection_protocol {
    /* Bytes from the peer, not yet consumed ones of last time first. Returns how many it consumed; the rest is kept
     * and comes again together with new bytes (or after connection_resume_input). Bytes live until it returns. */
    size_t (*on_input)(struct connection *connection, struct str bytes);
    /* Less than CONNECTION_HIGH_WATER is queued; may put more into the outbox. Called after on_input, after
     * connection_flush, and whenever the socket took bytes. May be NULL. */
    void (*on_writable)(struct connection *connection);
    /* The deadline passed. NULL: the connection is closed. */
    void (*on_timeout)(struct connection *connection);
    void (*on_closed)(struct connection *connection, enum connection_end end);
    /* The TLS handshake is done; what is known of the peer is in connection_peer. May be NULL. */
    void (*on_secured)(struct connection *connection);
};

/* Connections that are counted and freed together; zero is not valid, see connection_group_init. */
struct connection_group {
    struct list connections;
    size_t count;                  /* also those that are being closed */
    void (*on_empty)(void *owner); /* the last one was freed; may be NULL */
    void *owner;
};
void connection_group_init(struct connection_group *group);
/* Drops them all at once, without on_closed. */
void connection_group_done(struct connection_group *group);

/* A connected stream socket (TCP, Unix, socketpair); made nonblocking here, TCP_NODELAY is set where it applies.
 * group may be NULL. On failure the descriptor is closed too. */
struct connection *connection_new(struct loop *loop, int fd, struct connection_group *group,
                                  const struct connection_protocol *protocol, void *owner, struct err *err) MUST_USE;
/* Drops it at once, without on_closed. Not from within a callback of the connection. Accepts NULL inside. */
void connection_free(struct connection **connection);

/* Another protocol takes over, beginning with the bytes that on_input does not consume. */
void connection_set_protocol(struct connection *connection, const struct connection_protocol *protocol, void *owner);
void *connection_owner(const struct connection *connection);
struct loop *connection_loop(const struct connection *connection);
/* From now on everything is inside TLS, beginning with the bytes that on_input does not consume; nothing may be queued
 * yet by a server. What a client queues leaves after the handshake. host: whose certificate is expected, NULL for a
 * server. The handshake has the time until the deadline; a failed one ends the connection like one that broke. */
void connection_start_tls(struct connection *connection, struct tls *tls, const char *host);
/* The protocol that ALPN has chosen ("h2"); empty: none, or no TLS. */
struct str connection_alpn(const struct connection *connection);
/* Why TLS broke; empty when it did not. */
struct str connection_tls_error(const struct connection *connection);

/* "127.0.0.1:8815": the address that the peer has reached, as connection_peer has its own; in the caller's memory. */
struct str connection_local_address(const struct connection *connection, char text[CONNECTION_ADDRESS_SIZE]);
/* The other end; lives as long as the connection. */
const struct net_peer *connection_peer(const struct connection *connection);
/* A proxy is in front: the other end counts as another machine, whatever its address. */
void connection_set_proxied(struct connection *connection);

/* Where output goes; after writing to it from outside on_input and on_writable, call connection_flush. */
struct outbox *connection_outbox(struct connection *connection);
/* Sends at the end of this turn of the loop, after asking on_writable for more. */
void connection_flush(struct connection *connection);
/* outbox_write and connection_flush. */
void connection_write(struct connection *connection, struct slice slice);

/* While paused, nothing is read (so the peer has to wait), but a disconnect is still noticed. */
void connection_pause_input(struct connection *connection);
/* Kept bytes are given to on_input later, from the loop. */
void connection_resume_input(struct connection *connection);

/* on_timeout is called once when clock_now_us() reaches it; CLOCK_NEVER switches it off. Cheap. */
void connection_set_deadline(struct connection *connection, int64_t at_us);

/* Sends what is queued, then closes. No more input. */
void connection_close(struct connection *connection);
/* Drops what is queued and closes; the peer sees a broken connection. */
void connection_abort(struct connection *connection);
