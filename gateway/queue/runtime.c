#include "queue/runtime.h"

struct runtime runtime;
struct counters counters;
