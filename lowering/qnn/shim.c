/* Fits a newer QNN HTP library to ExecuTorch, which is built against the headers of core API 2.27.
 *
 * Between the two, one structure of the interface grew: QnnHtpDevice_CustomConfig_t held its union
 * right behind a 32-bit option, at byte 4, and holds it at byte 8 now. The SoC that ExecuTorch asks
 * for would be read as 0, and deviceCreate would fail with 14001.
 *
 * This library is loaded in place of libQnnHtp.so and has its name. It passes everything on to the
 * real one, whose path is compiled in, but deviceCreate, for which it moves the union. No header of
 * Qualcomm's is needed: the layouts below are those of the interface. For the host only: on a phone
 * the runtime is built against the libraries that are there.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum {
  KNOWN_MINOR = 27,   /* core API 2.27: what ExecuTorch is built against, nothing to move */
  DEVICE_CREATE = 40, /* its place in the table of functions */
  FUNCTIONS = 82,     /* as many as core API 2.27 has, and ExecuTorch calls */
  MOST_PROVIDERS = 4,
  MOST_CONFIGS = 16,
  OPTION_CUSTOM = 0,
};

typedef struct {
  uint32_t major, minor, patch;
} Version;

typedef struct { /* QnnInterface_t */
  uint32_t backend;
  const char *name;
  Version core, own;
  void *functions[FUNCTIONS];
} Provider;

typedef struct { /* QnnDevice_Config_t */
  uint32_t option;
  const void *custom;
} Config;

typedef struct {
  uint32_t option, value[2];
} KnownCustom;

typedef struct {
  uint32_t option, padding, value[2];
} MovedCustom;

typedef uint64_t (*GetProviders)(const Provider ***, uint32_t *);
typedef uint64_t (*DeviceCreate)(void *, const Config **, void *);

static DeviceCreate real_device_create;

/* Copies what it changes: the caller's structures stay as they are. The copies are never freed,
 * since the library may keep pointers to them; there is one small set per device. */
static uint64_t device_create(void *logger, const Config **configs, void *device) {
  const Config **moved = calloc(MOST_CONFIGS + 1, sizeof *moved);
  if (!moved) return 1;
  for (int i = 0; configs && configs[i]; i++) {
    if (i == MOST_CONFIGS) return 1;
    moved[i] = configs[i];
    if (configs[i]->option != OPTION_CUSTOM) continue;
    Config *config = calloc(1, sizeof *config);
    MovedCustom *custom = calloc(1, sizeof *custom);
    if (!config || !custom) return 1;
    const KnownCustom *known = configs[i]->custom;
    custom->option = known->option;
    custom->value[0] = known->value[0];
    custom->value[1] = known->value[1];
    config->option = OPTION_CUSTOM;
    config->custom = custom;
    moved[i] = config;
  }
  uint64_t status = real_device_create(logger, moved, device);
  /* A library in between may have the known layout still. */
  return status ? real_device_create(logger, configs, device) : status;
}

uint64_t QnnInterface_getProviders(const Provider ***providers, uint32_t *count) {
  static Provider copies[MOST_PROVIDERS];
  static const Provider *listed[MOST_PROVIDERS];
  void *library = dlopen(REAL_LIBRARY, RTLD_NOW);
  GetProviders get = library ? (GetProviders)dlsym(library, "QnnInterface_getProviders") : NULL;
  if (!get) {
    fprintf(stderr, "the QNN shim cannot use %s: %s\n", REAL_LIBRARY, dlerror());
    return 1;
  }
  uint64_t status = get(providers, count);
  if (status) return status;
  if (*count > MOST_PROVIDERS) *count = MOST_PROVIDERS;
  for (uint32_t i = 0; i < *count; i++) {
    copies[i] = *(*providers)[i];
    listed[i] = &copies[i];
    if (copies[i].core.minor <= KNOWN_MINOR) continue;
    real_device_create = (DeviceCreate)copies[i].functions[DEVICE_CREATE];
    copies[i].functions[DEVICE_CREATE] = (void *)device_create;
  }
  *providers = listed;
  return 0;
}
