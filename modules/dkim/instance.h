/* instance.h - what an instance has from its start to its stop. */
#ifndef DKIM_INSTANCE_H
#define DKIM_INSTANCE_H

#include "rotation.h"
#include "servers.h"

struct dkim {
	struct signer *signer; /* read-only */
	struct lives lives;
	struct rotation rotation; /* main thread */
	struct servers *servers;
};

#endif
