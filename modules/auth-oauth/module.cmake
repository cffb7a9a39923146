pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
target_link_libraries(module_auth-oauth PRIVATE PkgConfig::CRYPTO PkgConfig::JANSSON)
