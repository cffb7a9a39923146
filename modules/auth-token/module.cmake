pkg_check_modules(CJOSE REQUIRED IMPORTED_TARGET cjose jansson)
target_link_libraries(module_auth-token PRIVATE PkgConfig::CJOSE)
