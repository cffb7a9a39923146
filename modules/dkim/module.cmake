pkg_check_modules(OPENDKIM REQUIRED IMPORTED_TARGET opendkim)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
target_link_libraries(module_dkim PRIVATE PkgConfig::OPENDKIM PkgConfig::CRYPTO)
