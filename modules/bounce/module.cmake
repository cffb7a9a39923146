pkg_check_modules(GMIME REQUIRED IMPORTED_TARGET gmime-3.0)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
target_link_libraries(module_bounce PRIVATE PkgConfig::GMIME PkgConfig::CRYPTO)
