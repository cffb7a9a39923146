pkg_check_modules(CRYPT REQUIRED IMPORTED_TARGET libcrypt)
pkg_check_modules(ARGON2 REQUIRED IMPORTED_TARGET libargon2)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
target_link_libraries(module_auth-password PRIVATE PkgConfig::CRYPT PkgConfig::ARGON2 PkgConfig::CRYPTO)
