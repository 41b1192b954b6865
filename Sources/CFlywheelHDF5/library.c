#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

static pthread_mutex_t mutex;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int depth;  // guarded by the mutex

static hid_t file_access, file_creation, group_creation, contiguous_creation;
static hid_t text_reference;
static hid_t big_endian_types[10], little_endian_types[10];

// One object header holds this many links or attributes before an index of its own is made: small
// checkpoints stay readable with one look, large ones stay fast.
enum { COMPACT_MAX = 64, COMPACT_MIN = 48 };

static void tune_group(hid_t properties) {
  H5Pset_obj_track_times(properties, 0);  // the same content gives the same bytes
  H5Pset_link_phase_change(properties, COMPACT_MAX, COMPACT_MIN);
  H5Pset_attr_phase_change(properties, COMPACT_MAX, COMPACT_MIN);
}

static hid_t new_dataset_creation(void) {
  hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(properties, 0);
  H5Pset_attr_phase_change(properties, COMPACT_MAX, COMPACT_MIN);
  return properties;
}

// Our type in memory, but for the character set, between which libhdf5 does not convert.
static hid_t new_string_type(size_t byte_count, H5T_cset_t set) {
  hid_t type = H5Tcopy(H5T_C_S1);
  if (H5Tset_size(type, byte_count) >= 0 && H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0 &&
      H5Tset_cset(type, set) >= 0)
    return type;
  H5Tclose(type);
  return -1;
}

// Converts texts of variable length, as they are in a file, to opaque bytes: to themselves.
static herr_t keep_reference(hid_t from, hid_t to, H5T_cdata_t *state, size_t count, size_t stride,
                             size_t background_stride, void *bytes, void *background, hid_t transfer) {
  (void)count, (void)stride, (void)background_stride, (void)bytes, (void)background, (void)transfer;
  if (state->command != H5T_CONV_INIT) return 0;
  state->need_bkg = H5T_BKG_NO;
  int is_ours = H5Tequal(to, text_reference) > 0 && H5Tis_variable_str(from) > 0 &&
                H5Tget_size(from) == FW_H5_REFERENCE_SIZE;
  return is_ours ? 0 : -1;
}

static void set_up(void) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);

  H5dont_atexit();  // what is open when the process ends is not worth a flush that may fail and print
  H5open();
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  H5PLset_loading_state(0);           // a file must not make us load code
  H5Lunregister(H5L_TYPE_EXTERNAL);   // nor open another file

  file_access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_driver(file_access, fw_h5_register_driver(), NULL);
  H5Pset_libver_bounds(file_access, H5F_LIBVER_V18, H5F_LIBVER_V110);
  H5Pset_fclose_degree(file_access, H5F_CLOSE_STRONG);
  // Everything from one byte on starts at a cache line. Raw data is not collected into blocks, which
  // would only leave holes; metadata is, so that it is read and written in few pieces.
  H5Pset_alignment(file_access, 1, 64);
  H5Pset_small_data_block_size(file_access, 0);
  H5Pset_meta_block_size(file_access, 4096);
  file_creation = H5Pcreate(H5P_FILE_CREATE);
  tune_group(file_creation);
  group_creation = H5Pcreate(H5P_GROUP_CREATE);
  tune_group(group_creation);
  contiguous_creation = new_dataset_creation();
  H5Pset_alloc_time(contiguous_creation, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(contiguous_creation, H5D_FILL_TIME_NEVER);

  const hid_t little[] = {H5T_STD_I8LE,  H5T_STD_I16LE, H5T_STD_I32LE,   H5T_STD_I64LE,  H5T_STD_U8LE,
                          H5T_STD_U16LE, H5T_STD_U32LE, H5T_STD_U64LE,   H5T_IEEE_F32LE, H5T_IEEE_F64LE};
  const hid_t big[] = {H5T_STD_I8BE,  H5T_STD_I16BE, H5T_STD_I32BE,   H5T_STD_I64BE,  H5T_STD_U8BE,
                       H5T_STD_U16BE, H5T_STD_U32BE, H5T_STD_U64BE,   H5T_IEEE_F32BE, H5T_IEEE_F64BE};
  memcpy(little_endian_types, little, sizeof little);
  memcpy(big_endian_types, big, sizeof big);

  text_reference = H5Tcreate(H5T_OPAQUE, FW_H5_REFERENCE_SIZE);
  hid_t text = new_string_type(H5T_VARIABLE, H5T_CSET_UTF8);
  H5Tregister(H5T_PERS_SOFT, "flywheel", text, text_reference, keep_reference);
  H5Tclose(text);
}

void fw_h5_enter(void) {
  pthread_once(&once, set_up);
  pthread_mutex_lock(&mutex);
  // A setting of the thread, not of the process.
  if (depth++ == 0) H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void fw_h5_leave(void) {
  depth--;
  pthread_mutex_unlock(&mutex);
}

typedef struct {
  char *text;
  size_t length;
} lines;

static herr_t add_frame(unsigned index, const H5E_error2_t *frame, void *context) {
  (void)index;
  lines *all = context;
  char major[128] = "", minor[128] = "", line[1024];
  H5Eget_msg(frame->maj_num, NULL, major, sizeof major);
  H5Eget_msg(frame->min_num, NULL, minor, sizeof minor);
  snprintf(line, sizeof line, "%s: %s (%s: %s)", frame->func_name, frame->desc, major, minor);
  for (char *character = line; *character; character++)
    if (*character == '\n') *character = ' ';
  size_t length = strlen(line);
  char *text = realloc(all->text, all->length + length + 2);
  if (text == NULL) return 0;
  memcpy(text + all->length, line, length);
  memcpy(text + all->length + length, "\n", 2);
  all->text = text;
  all->length += length + 1;
  return 0;
}

char *fw_h5_take_errors(void) {
  lines all = {NULL, 0};
  // Walking a copy: asking for a message's text would clear the stack that is being walked.
  hid_t stack = H5Eget_current_stack();
  H5Ewalk2(stack, H5E_WALK_DOWNWARD, add_frame, &all);
  H5Eclose_stack(stack);
  H5Eclear2(H5E_DEFAULT);
  return all.text;
}

// libhdf5 asks for a name and does nothing with it; a relative one would make it look up where it is.
static const char no_name[] = "/";

hid_t fw_h5_open(fw_h5_store *store) {
  fw_h5_opening = store;
  hid_t file = H5Fopen(no_name, H5F_ACC_RDONLY, file_access);
  fw_h5_opening = NULL;
  return file;
}

hid_t fw_h5_create(fw_h5_store *store) {
  fw_h5_opening = store;
  hid_t file = H5Fcreate(no_name, H5F_ACC_TRUNC, file_creation, file_access);
  fw_h5_opening = NULL;
  return file;
}

static int number_index(char kind, size_t byte_count) {
  int power = byte_count == 1 ? 0 : byte_count == 2 ? 1 : byte_count == 4 ? 2 : byte_count == 8 ? 3 : -1;
  if (power < 0) return -1;
  if (kind == 'f') return power < 2 ? -1 : 6 + power;
  return kind == 'i' ? power : 4 + power;
}

hid_t fw_h5_number_type(char kind, size_t byte_count, int is_big_endian) {
  int index = number_index(kind, byte_count);
  if (index < 0) return -1;
  return is_big_endian ? big_endian_types[index] : little_endian_types[index];
}

hid_t fw_h5_group_creation(void) { return group_creation; }

hid_t fw_h5_contiguous_creation(void) { return contiguous_creation; }

hid_t fw_h5_new_chunked_creation(int rank, const hsize_t *chunk) {
  hid_t properties = new_dataset_creation();
  if (H5Pset_chunk(properties, rank, chunk) >= 0) return properties;
  H5Pclose(properties);
  return -1;
}

// Compares with whole types, so that odd precisions, offsets and exponent layouts do not pass.
static int describe_type(hid_t type, fw_h5_description *result) {
  result->type_class = H5Tget_class(type);
  result->type_byte_count = H5Tget_size(type);
  result->kind = 0;
  result->is_big_endian = 0;
  if (result->type_class == H5T_NO_CLASS || result->type_byte_count == 0) return -1;
  if (result->type_class == H5T_STRING) result->is_variable_text = H5Tis_variable_str(type) > 0;
  const char *kinds = result->type_class == H5T_FLOAT ? "f" : result->type_class == H5T_INTEGER ? "iu" : "";
  for (; *kinds; kinds++) {
    int index = number_index(*kinds, result->type_byte_count);
    if (index < 0) continue;
    int little = H5Tequal(type, little_endian_types[index]) > 0;
    if (!little && H5Tequal(type, big_endian_types[index]) <= 0) continue;
    result->kind = *kinds;
    result->is_big_endian = !little && result->type_byte_count > 1;
    return 0;
  }
  return 0;
}

static int describe_space(hid_t space, fw_h5_description *result) {
  hsize_t extents[FW_H5_MAX_RANK];  // libhdf5 has no more axes
  result->rank = H5Sget_simple_extent_dims(space, extents, NULL);
  if (result->rank < 0) return -1;
  if (result->rank == 0 && H5Sget_simple_extent_type(space) == H5S_NULL) result->rank = -1;
  for (int i = 0; i < result->rank; i++) result->extents[i] = extents[i];
  return 0;
}

static int describe_storage(hid_t dataset, fw_h5_description *result) {
  hid_t properties = H5Dget_create_plist(dataset);
  if (properties < 0) return -1;
  result->layout = H5Pget_layout(properties);
  int status = result->layout == H5D_LAYOUT_ERROR ? -1 : 0;
  if (result->layout == H5D_CONTIGUOUS) result->has_external_files = H5Pget_external_count(properties);
  if (result->layout == H5D_CHUNKED) {
    hsize_t chunk[FW_H5_MAX_RANK];
    int rank = H5Pget_chunk(properties, FW_H5_MAX_RANK, chunk);
    if (rank < 0 || rank > FW_H5_MAX_RANK) status = -1;
    result->chunk_rank = rank;
    for (int i = 0; status == 0 && i < rank; i++) result->chunk[i] = chunk[i];
    result->filter_count = H5Pget_nfilters(properties);
    if (result->filter_count < 0 || result->filter_count > FW_H5_MAX_FILTERS) status = -1;
    for (int i = 0; status == 0 && i < result->filter_count; i++) {
      unsigned flags, config;
      size_t values = 0;
      H5Z_filter_t filter = H5Pget_filter2(properties, i, &flags, &values, NULL, 0, NULL, &config);
      if (filter < 0) status = -1;
      result->filters[i] = filter;
    }
  }
  if (result->layout == H5D_COMPACT) result->compact_byte_count = H5Dget_storage_size(dataset);
  H5Pclose(properties);
  return status;
}

int fw_h5_describe(hid_t dataset, fw_h5_description *result) {
  memset(result, 0, sizeof *result);
  // An offset means contiguous, in this file, without filters; property lists are slow to get.
  haddr_t offset = H5Dget_offset(dataset);
  result->layout = H5D_CONTIGUOUS;
  result->byte_offset = offset == HADDR_UNDEF ? UINT64_MAX : offset;
  if (offset == HADDR_UNDEF && describe_storage(dataset, result) < 0) return -1;

  hid_t type = H5Dget_type(dataset);
  if (type < 0) return -1;
  int status = describe_type(type, result);
  H5Tclose(type);
  if (status < 0) return -1;
  if (result->layout == H5D_VIRTUAL) return 0;

  hid_t space = H5Dget_space(dataset);
  if (space < 0) return -1;
  status = describe_space(space, result);
  H5Sclose(space);
  return status;
}

int fw_h5_describe_attribute(hid_t attribute, fw_h5_description *result) {
  memset(result, 0, sizeof *result);
  hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
  int status = type < 0 || space < 0 ? -1 : 0;
  if (status == 0) status = describe_type(type, result);
  if (status == 0) status = describe_space(space, result);
  if (type >= 0) H5Tclose(type);
  if (space >= 0) H5Sclose(space);
  return status;
}

int fw_h5_look(hid_t group, const char *name, fw_h5_member *result) {
  memset(result, 0, sizeof *result);
#if H5_VERSION_GE(1, 12, 0)
  H5L_info2_t link;
  H5O_info2_t object;
  if (H5Lget_info2(group, name, &link, H5P_DEFAULT) < 0) return -1;
#else
  H5L_info_t link;
  H5O_info_t object;
  if (H5Lget_info(group, name, &link, H5P_DEFAULT) < 0) return -1;
#endif
  result->link_type = link.type;
  result->is_hard_link = link.type == H5L_TYPE_HARD;
  if (!result->is_hard_link) return 0;
#if H5_VERSION_GE(1, 12, 0)
  if (H5Oget_info_by_name3(group, name, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return -1;
  memcpy(&result->object, &object.token, sizeof result->object);
#else
  if (H5Oget_info_by_name2(group, name, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return -1;
  result->object = object.addr;
#endif
  result->object_type = object.type;
  return 0;
}

typedef struct {
  fw_h5_visitor visit;
  void *context;
} visit_request;

#if H5_VERSION_GE(1, 12, 0)
static herr_t visit_link(hid_t group, const char *name, const H5L_info2_t *link, void *context) {
#else
static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *link, void *context) {
#endif
  (void)group, (void)link;
  const visit_request *request = context;
  return request->visit(name, request->context);
}

int fw_h5_names(hid_t group, fw_h5_visitor visit, void *context) {
  visit_request request = {visit, context};
#if H5_VERSION_GE(1, 12, 0)
  return H5Literate2(group, H5_INDEX_NAME, H5_ITER_INC, NULL, visit_link, &request);
#else
  return H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, visit_link, &request);
#endif
}

hid_t fw_h5_new_string_type(size_t byte_count) { return new_string_type(byte_count, H5T_CSET_UTF8); }

int fw_h5_read_text(hid_t attribute, size_t byte_count, char *bytes) {
  hid_t file_type = H5Aget_type(attribute);
  if (file_type < 0) return -1;
  hid_t type = new_string_type(byte_count, H5Tget_cset(file_type));
  H5Tclose(file_type);
  if (type < 0) return -1;
  herr_t status = H5Aread(attribute, type, bytes);
  H5Tclose(type);
  return status;
}

int fw_h5_read_text_reference(hid_t attribute, unsigned char *reference) {
  return H5Aread(attribute, text_reference, reference);
}
