/* Tells the service manager that started the server how it is: sd_notify(3), a datagram to NOTIFY_SOCKET. Nothing
 * happens where there is none. Any thread. */
#pragma once

/* "READY=1", "STOPPING=1", "RELOADING=1"; several with line ends between. */
void notify_send(const char *state);
