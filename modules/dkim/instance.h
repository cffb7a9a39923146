/* instance.h - what an instance has from its start to its stop. */
#ifndef DKIM_INSTANCE_H
#define DKIM_INSTANCE_H

#include "life.h"

struct dkim {
	struct signer *signer; /* read-only */
	struct lives lives;
};

#endif
