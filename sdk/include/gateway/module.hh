// gateway/module.hh - a module as a C++17 class: its static member functions that are named as
// hooks are its hooks.
//
//     struct hello {
//             static void describe(gw_module *self) { self->name = "hello"; ... }
//             static gw_verdict rcpt(gw_call *call, gw_message *message, gw_rcpt *rcpt);
//     };
//     GW_MODULE_CLASS(hello)
//
// What is handed to each, and what it may answer, is in <gateway/hooks.def>; start() and stop() are
// taken too. No exception leaves a hook: the gateway is C and would end with it. One that a hook
// throws is logged, and counts as GW_FAILED, of start() as -1. `resumed`, `dropped`, `work` and
// what else is handed over as a function is the module's own to guard.
#ifndef GATEWAY_MODULE_HH
#define GATEWAY_MODULE_HH

#include <gateway/module.h>

#include <exception>
#include <type_traits>

namespace gateway
{

// Runs `hook`; what it throws is told, and `otherwise` the answer.
template <class Hook, class Answer>
Answer guarded(gw_call *call, const char *name, Answer otherwise, Hook hook) noexcept
{
	try {
		return hook();
	} catch (const std::exception &thrown) {
		gw->log(call, GW_LOG_ERROR, "%s() threw: %s", name, thrown.what());
	} catch (...) {
		gw->log(call, GW_LOG_ERROR, "%s() threw", name);
	}
	return otherwise;
}

// One function for each hook: it sets the member of the table when Module has a function of that
// name; the second takes those that it has not.
template <class Module> struct table {
#define GW_DECIDES(name, first, second, ...)                                                       \
	template <class M>                                                                         \
	static auto set_##name(gw_module *self, int)->decltype(&M::name, void())                   \
	{                                                                                          \
		self->name = [](gw_call *call GW_PARAM_##first GW_PARAM_##second) -> gw_verdict {  \
			return guarded(call, #name, GW_FAILED, [&]() -> gw_verdict {               \
				return M::name(call GW_PASS_##first GW_PASS_##second);             \
			});                                                                        \
		};                                                                                 \
	}                                                                                          \
	template <class M> static void set_##name(gw_module *, long) {}
#define GW_OBSERVES(name, first, second, ...)                                                      \
	template <class M>                                                                         \
	static auto set_##name(gw_module *self, int)->decltype(&M::name, void())                   \
	{                                                                                          \
		self->name = [](gw_call *call GW_PARAM_##first GW_PARAM_##second) {                \
			guarded(call, #name, 0, [&]() -> int {                                     \
				M::name(call GW_PASS_##first GW_PASS_##second);                    \
				return 0;                                                          \
			});                                                                        \
		};                                                                                 \
	}                                                                                          \
	template <class M> static void set_##name(gw_module *, long) {}
#include <gateway/hooks.def>

	template <class M>
	static auto set_start(gw_module *self, int) -> decltype(&M::start, void())
	{
		self->start = [](gw_call *call) -> int {
			return guarded(call, "start", -1, [&]() -> int { return M::start(call); });
		};
	}
	template <class M> static void set_start(gw_module *, long) {}
	template <class M> static auto set_stop(gw_module *self, int) -> decltype(&M::stop, void())
	{
		self->stop = [](gw_call *call) {
			guarded(call, "stop", 0, [&]() -> int {
				M::stop(call);
				return 0;
			});
		};
	}
	template <class M> static void set_stop(gw_module *, long) {}

	static void fill(gw_module *self)
	{
		set_start<Module>(self, 0);
		set_stop<Module>(self, 0);
#define GW_DECIDES(name, ...) set_##name<Module>(self, 0);
#define GW_OBSERVES(name, ...) set_##name<Module>(self, 0);
#include <gateway/hooks.def>
		Module::describe(self);
	}
};

} // namespace gateway

// The entry of the module; Module::describe() sets what is no function: name, version, options, ...
#define GW_MODULE_CLASS(Module) GW_MODULE_FILLED(gateway::table<Module>::fill)

#endif
