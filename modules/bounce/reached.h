/* reached.h - whether the mail of the world gets to this machine. */
#ifndef BOUNCE_REACHED_H
#define BOUNCE_REACHED_H

#include <stdbool.h>

/* Some program listens on port 25 of an address that is not this machine's alone; true too where
 * that cannot be known. */
bool reached_on_port_25(void);

#endif
