pkg_check_modules(CJOSE REQUIRED IMPORTED_TARGET cjose jansson)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
target_link_libraries(module_auth-token PRIVATE PkgConfig::CJOSE PkgConfig::CRYPTO)
