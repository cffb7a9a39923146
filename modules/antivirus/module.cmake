pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(EVENT_CORE REQUIRED IMPORTED_TARGET libevent_core)
target_link_libraries(module_antivirus PRIVATE PkgConfig::CRYPTO PkgConfig::EVENT_CORE)
