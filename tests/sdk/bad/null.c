/* Its entry gives nothing. */
#include <gateway/module.h>

GW_PUBLIC const struct gw_module *gw_module_v1(const struct gw_services *services);
const struct gw_module *gw_module_v1(const struct gw_services *services)
{
	return NULL;
}
